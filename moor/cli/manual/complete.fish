# fish completion of moor, written by: moor completion fish

# Prints what may stand behind a command, a line each: sign, word, kind of its value, meaning.
function __moor_table
    switch "$argv[1]"
@TABLE@
    end
end

# Prints the values of a kind, each with what is said about it.
function __moor_values
    set -l kind (string split -m 1 + -- $argv[1])[1]
    switch "$kind"
        case - files folders ''
        case '=*'
            string split ' ' -- (string sub -s 2 -- $kind)
        case '*'
            $argv[2] --complete $kind $argv[3] 2>/dev/null
    end
end

function __moor_complete
    set -l current (commandline -ct)
    set -l words (commandline -opc)
    set -l program $words[1]
    set -l called moor
    set -l site
    set -l expect
    set -l kind
    set -l count 0
    for word in $words[2..-1]
        if test -n "$expect"
            test "$expect" = --site; and set site $word
            set expect
            set kind
            continue
        end
        switch $word
            case '--site=*'
                set site (string replace -- --site= '' $word)
            case '--*=*'
            case '-*'
                for line in (__moor_table $called)
                    set -l row (string split \t -- $line)
                    if test "$row[1]" = o; and test "$row[2]" = "$word"
                        set expect $word
                        set kind $row[3]
                    end
                end
            case '*'
                set -l found
                if test $count -eq 0
                    for line in (__moor_table $called)
                        set -l row (string split \t -- $line)
                        test "$row[1]" = c; and test "$row[2]" = "$word"; and set found yes
                    end
                end
                if test -n "$found"
                    set called "$called $word"
                else
                    set count (math $count + 1)
                end
        end
    end
    if test -z "$expect"
        set -l place 0
        for line in (__moor_table $called)
            set -l row (string split \t -- $line)
            switch $row[1]
                case f o
                    string match -q -- '-*' $current; and printf '%s\t%s\n' $row[2] $row[4]
                case c
                    test $count -eq 0; and printf '%s\t%s\n' $row[2] $row[4]
                case a
                    test $place -eq $count; and set kind $row[3]
                    set place (math $place + 1)
                case m
                    test $place -le $count; and set kind $row[3]
                    set place (math $place + 1)
            end
        end
        string match -q -- '-*' $current; and return
    end
    set -l head ''
    contains -- "$kind" limit names; and set head (string match -r -- '^.*[,!]' $current)
    set -l found (__moor_values "$kind" $program $site)
    for line in $found
        printf '%s%s\n' "$head" $line
    end
    switch "$kind"
        case files '*+files'
            string match -q -- (string sub -l 1 -- "$current")'*' $found; or __fish_complete_path $current
        case folders
            __fish_complete_directories $current
    end
end

complete -c moor -f -a '(__moor_complete)'
