# Prints what may stand behind a command, a line each: sign, word, kind of its value, meaning. See moor completion -h.
_moor_table() {
  case $1 in
@TABLE@
  esac
}

# Looks at the words before the current one. Sets the command, what its next value is, and the site.
_moor_look() {
  local word sign name kind about expect= found count=0
  _moor_command=moor _moor_site= _moor_kind= _moor_pending=
  for word; do
    [ "$word" = "=" ] && continue
    if [ -n "$expect" ]; then
      [ "$expect" = --site ] && _moor_site=$word
      expect= _moor_kind=
      continue
    fi
    case $word in
    --site=*) _moor_site=${word#*=} ;;
    --*=*) ;;
    -*)
      while IFS=$'\t' read -r sign name kind about; do
        if [ "$sign" = o ] && [ "$name" = "$word" ]; then expect=$word _moor_kind=$kind; fi
      done < <(_moor_table "$_moor_command")
      ;;
    *)
      found=
      while IFS=$'\t' read -r sign name kind about; do
        if [ "$sign" = c ] && [ "$name" = "$word" ]; then found=yes; fi
      done < <(_moor_table "$_moor_command")
      if [ -n "$found" ] && [ "$count" -eq 0 ]; then
        _moor_command="$_moor_command $word"
      else
        count=$((count + 1))
      fi
      ;;
    esac
  done
  _moor_count=$count
  if [ -n "$expect" ]; then
    _moor_pending=yes
    return 0
  fi
  count=0
  while IFS=$'\t' read -r sign name kind about; do
    case $sign in
    a) [ "$count" -ne "$_moor_count" ] || _moor_kind=$kind ;;
    m) [ "$count" -gt "$_moor_count" ] || _moor_kind=$kind ;;
    *) continue ;;
    esac
    count=$((count + 1))
  done < <(_moor_table "$_moor_command")
}

# Prints the values of a kind, each with what is said about it.
_moor_values() {
  local kind=${1%%+*}
  case $kind in
  - | files | folders | '') ;;
  '='*) printf '%s\n' "${kind#=}" | tr ' ' '\n' ;;
  *) "$_moor_program" --complete "$kind" ${_moor_site:+"$_moor_site"} 2>/dev/null ;;
  esac
}

# Prints all that may stand in the place of the current word, of which the beginning is given.
_moor_offer() {
  local sign name kind about
  if [ -n "$_moor_pending" ]; then
    _moor_values "$_moor_kind"
    return 0
  fi
  while IFS=$'\t' read -r sign name kind about; do
    case $sign$1 in
    [fo]-*) printf '%s\t%s\n' "$name" "$about" ;;
    c | c[!-]*) [ "$_moor_count" -ne 0 ] || printf '%s\t%s\n' "$name" "$about" ;;
    esac
  done < <(_moor_table "$_moor_command")
  case $1 in
  -*) ;;
  *) _moor_values "$_moor_kind" ;;
  esac
}
