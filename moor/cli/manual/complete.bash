# bash completion of moor, written by: moor completion bash

@LOOKING@

_moor() {
  local current=${COMP_WORDS[COMP_CWORD]} head= name about
  [ "$current" = "=" ] && current=
  _moor_program=${COMP_WORDS[0]}
  _moor_look "${COMP_WORDS[@]:1:COMP_CWORD-1}"
  case $_moor_kind in limit | names) head=${current%"${current##*[,!]}"} ;; esac
  COMPREPLY=()
  while IFS=$'\t' read -r name about; do
    case $name in "${current#"$head"}"*) COMPREPLY+=("$head$name") ;; esac
  done < <(_moor_offer "$current")
  [ "${#COMPREPLY[@]}" -eq 0 ] || return 0
  case $_moor_kind in
  files | *+files) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
  folders) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
  esac
}

complete -F _moor moor
