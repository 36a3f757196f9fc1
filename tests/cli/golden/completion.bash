# bash completion for zkark, made by `zkark completion bash`

_zkark_ids() {
  zkark list --no-input -o plain "${_zkark_repository[@]}" 2>/dev/null | cut -f1
}
_zkark_repositories() {
  zkark config show -o plain 2>/dev/null | sed -n 's/^repo\.\(.*\)\.url\t.*/\1/p'
}
_zkark_clusters() {
  zkark config show -o plain 2>/dev/null | sed -n 's/^cluster\.\([^.]*\)\..*/\1/p' | sort -u
}

_zkark() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local verb= word words= options= files= found= position=-1 i
  local -a _zkark_repository=()
  [[ $cur == '=' ]] && cur=
  [[ $prev == '=' && COMP_CWORD -gt 1 ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
      -r|--repo)
        [[ ${COMP_WORDS[i + 1]} == '=' ]] && ((i++))
        _zkark_repository=(-r "${COMP_WORDS[++i]}") ;;
      -r|--repo|-C|--cluster|-c|--config|-o|--output|--log-format|--color|--lock-wait|--jobs|--tz|--cache-dir|-t|--type|--tag|--level|--rate|--max-age|--keep-last|--all)
        [[ ${COMP_WORDS[i + 1]} == '=' ]] && ((i++))
        ((i++)) ;;
      -*|=) ;;
      *) [[ -z $verb ]] && verb=$word; ((position++)) ;;
    esac
  done
  case $verb:$prev in
    save:-t|save:--type) words='auto full incr'; found=1 ;;
    save:--tag) :; found=1 ;;
    save:--level) :; found=1 ;;
    save:--rate) :; found=1 ;;
    save:--max-age) :; found=1 ;;
    save:--keep-last) :; found=1 ;;
    man:--all) files=d; found=1 ;;
    *:-r|*:--repo) files=d words=$(_zkark_repositories); found=1 ;;
    *:-C|*:--cluster) words=$(_zkark_clusters); found=1 ;;
    *:-c|*:--config) files=f; found=1 ;;
    *:-o|*:--output) words='table json ndjson plain csv'; found=1 ;;
    *:--log-format) words='auto text json'; found=1 ;;
    *:--color) words='auto always never'; found=1 ;;
    *:--lock-wait) :; found=1 ;;
    *:--jobs) :; found=1 ;;
    *:--tz) :; found=1 ;;
    *:--cache-dir) files=d; found=1 ;;
  esac
  if [[ -z $found ]]; then
    case $verb in
    '') options='-h --help --version --repo --cluster --config --output --json --quiet --verbose --log-format --color --no-progress --no-input --yes --lock-wait --no-lock --tz' words='save list rows fail config explain completion man version help' ;;
    save)
      options='-h --help --type --tag --prove --no-prove --bump-epoch --keep-epoch --level --rate --max-age --keep-last --dangerous --repo --cluster --config --output --json --quiet --verbose --log-format --color --no-progress --no-input --yes --lock-wait --no-lock --tz'
      case $position in
        *) files=f words=$(_zkark_ids) ;;
      esac
      ;;
    list)
      options='-h --help --repo --cluster --config --output --json --quiet --verbose --log-format --color'
      ;;
    rows)
      options='-h --help --config --output --json --quiet --verbose --log-format --color'
      case $position in
        0) : ;;
      esac
      ;;
    fail)
      options='-h --help --config --output --json --quiet --verbose --log-format --color'
      case $position in
        *) words='ZKA-0100 ZKA-0101 ZKA-0102 ZKA-0200 ZKA-0201 ZKA-0202 ZKA-0300 ZKA-0301 ZKA-0400 ZKA-0500 ZKA-0501 ZKA-0502 ZKA-0600 ZKA-0601 ZKA-0602 ZKA-0603 ZKA-0604 ZKA-0605 ZKA-0606 ZKA-0607 ZKA-0608 ZKA-0609 ZKA-0610 ZKA-0611 ZKA-0612 ZKA-0613 ZKA-0614 ZKA-0615 ZKA-0616 ZKA-0617 ZKA-0618 ZKA-0700 ZKA-0701 ZKA-0702 ZKA-0703 ZKA-0704 ZKA-0705 ZKA-0706 ZKA-0800 ZKA-0900 ZKA-0901 ZKA-0902 ZKA-0903 ZKA-0904 ZKA-1000 ZKA-1001 ZKA-1100 ZKA-1101 ZKA-1200 ZKA-1300' ;;
      esac
      ;;
    config)
      options='-h --help --origin --config --output --json --quiet --verbose --log-format --color'
      case $position in
        0) words='check show' ;;
      esac
      ;;
    explain)
      options='-h --help --config --output --json --quiet --verbose --log-format --color'
      case $position in
        0) words='ZKA-0100 ZKA-0101 ZKA-0102 ZKA-0200 ZKA-0201 ZKA-0202 ZKA-0300 ZKA-0301 ZKA-0400 ZKA-0500 ZKA-0501 ZKA-0502 ZKA-0600 ZKA-0601 ZKA-0602 ZKA-0603 ZKA-0604 ZKA-0605 ZKA-0606 ZKA-0607 ZKA-0608 ZKA-0609 ZKA-0610 ZKA-0611 ZKA-0612 ZKA-0613 ZKA-0614 ZKA-0615 ZKA-0616 ZKA-0617 ZKA-0618 ZKA-0700 ZKA-0701 ZKA-0702 ZKA-0703 ZKA-0704 ZKA-0705 ZKA-0706 ZKA-0800 ZKA-0900 ZKA-0901 ZKA-0902 ZKA-0903 ZKA-0904 ZKA-1000 ZKA-1001 ZKA-1100 ZKA-1101 ZKA-1200 ZKA-1300' ;;
      esac
      ;;
    completion)
      options='-h --help --config --output --json --quiet --verbose --log-format --color'
      case $position in
        0) words='bash zsh fish' ;;
      esac
      ;;
    man)
      options='-h --help --all --config --output --json --quiet --verbose --log-format --color'
      case $position in
        0) words='save list rows fail config explain completion man version help' ;;
      esac
      ;;
    version)
      options='-h --help --config --output --json --quiet --verbose --log-format --color'
      ;;
    help)
      options='-h --help --config --output --json --quiet --verbose --log-format --color'
      case $position in
        0) words='save list rows fail config explain completion man version help' ;;
      esac
      ;;
    esac
    [[ $cur == -* ]] && words=$options files=
  fi
  COMPREPLY=()
  [[ -n $words ]] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    local -a names
    mapfile -t names < <(compgen -"$files" -- "$cur")
    COMPREPLY+=("${names[@]}")
  fi
}
complete -F _zkark zkark
