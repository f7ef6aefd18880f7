#compdef moor
# zsh completion of moor, written by: moor completion zsh

@LOOKING@

_moor() {
  local -a moor_found
  local name about
  _moor_program=${words[1]}
  _moor_look "${(@)words[2,CURRENT-1]}"
  case $_moor_kind in limit | names) compset -P '*[,!]' ;; esac
  while IFS=$'\t' read -r name about; do
    moor_found+=("${name//:/\\:}${about:+:$about}")
  done < <(_moor_offer "$PREFIX")
  (( $#moor_found )) && _describe -V moor moor_found && return
  case $_moor_kind in
  files | *+files) _files ;;
  folders) _files -/ ;;
  esac
}

if [ "$funcstack[1]" = _moor ]; then _moor "$@"; else compdef _moor moor; fi
