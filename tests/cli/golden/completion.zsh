#compdef zkark
# zsh completion for zkark, made by `zkark completion zsh`

_zkark_ids() {
  zkark list --no-input -o plain ${opt_args[-r]:+-r} ${opt_args[-r]} ${opt_args[--repo]:+-r} ${opt_args[--repo]} 2>/dev/null | cut -f1
}
_zkark_repositories() {
  zkark config show -o plain 2>/dev/null | sed -n 's/^repo\.\(.*\)\.url\t.*/\1/p'
}
_zkark_clusters() {
  zkark config show -o plain 2>/dev/null | sed -n 's/^cluster\.\([^.]*\)\..*/\1/p' | sort -u
}

_zkark_point() {
  local -a names=(latest ${(f)"$(_zkark_ids)"})
  compadd -a names
}
_zkark_source() {
  _alternative 'files:file:_files' 'points:backup:_zkark_point'
}
_zkark_repository() {
  local -a names=(${(f)"$(_zkark_repositories)"})
  compadd -a names
  _files -/
}
_zkark_cluster() {
  local -a names=(${(f)"$(_zkark_clusters)"})
  compadd -a names
}
_zkark_verb() {
  local -a verbs=(
    'save:take a backup that exists only in tests'
    'list:list backups'
    'rows:print rows'
    'fail:fail in every way'
    'config:check the configuration, or show what counts and why'
    'explain:say what an error id means and what to do about it'
    'completion:print the completion script of a shell'
    'man:print a manual page in roff, or write all of them'
    'version:print the version and how it was built'
    'help:show all verbs, or everything about one'
  )
  _describe -t verbs 'verb' verbs
}

_zkark() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C -S \
      '(- *)'{-h,--help}'[help]' \
      '(- *)--version[print the version]' \
      '(-r --repo)--repo=[repository\: a path, or a name from \[repo.NAME\] of the configuration]:REPO:_zkark_repository' \
      '(-r --repo)-r+[repository\: a path, or a name from \[repo.NAME\] of the configuration]:REPO:_zkark_repository' \
      '(-C --cluster)--cluster=[which cluster of the repository; also picks \[cluster.NAME\] of the configuration]:NAME:_zkark_cluster' \
      '(-C --cluster)-C+[which cluster of the repository; also picks \[cluster.NAME\] of the configuration]:NAME:_zkark_cluster' \
      '(-c --config)--config=[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-c --config)-c+[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-o --output)--output=[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(-o --output)-o+[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(--json)--json[the same as --output json]' \
      '(-q --quiet)--quiet[no notes and no progress on stderr; warnings and errors remain]' \
      '(-q --quiet)-q[no notes and no progress on stderr; warnings and errors remain]' \
      '(-v --verbose --quiet)--verbose[say more on stderr]' \
      '(-v --verbose --quiet)-v[say more on stderr]' \
      '(--log-format)--log-format=[how messages on stderr look]:FORMAT:((auto\:"json with -o json or ndjson, else text" text\:"lines for people" json\:"one JSON object a line"))' \
      '(--color)--color=[colours and bold text]:WHEN:((auto\:"on a terminal, unless NO_COLOR is set" always never))' \
      '(--no-progress)--no-progress[no progress display]' \
      '(--no-input)--no-input[never ask; what would need an answer is refused]' \
      '(-y --yes)--yes[answer yes to every question]' \
      '(-y --yes)-y[answer yes to every question]' \
      '(--lock-wait)--lock-wait=[how long to wait for another run'\''s lock]:DURATION: ' \
      '(--no-lock)--no-lock[take no lock on what is only read, and store no verdict]' \
      '(--tz)--tz=[time zone of times given without one, such as Europe/Vienna or UTC]:ZONE: ' \
      '1: :_zkark_verb' \
      '*:: :->arguments' && return
  [[ $state == arguments ]] || return
  curcontext="${curcontext%:*}-$words[1]:"
  case $words[1] in
    save)
      _arguments -S \
      '(- *)'{-h,--help}'[help]' \
      '(-t --type)--type=[how much to take]:TYPE:((auto\:"full if there is none" full incr))' \
      '(-t --type)-t+[how much to take]:TYPE:((auto\:"full if there is none" full incr))' \
      '*--tag=[label it]:KEY=VALUE: ' \
      '(--prove)--prove[replay it]' \
      '(--no-prove --prove)--no-prove[do not replay it]' \
      '(--bump-epoch --keep-epoch)--bump-epoch=-[raise the epoch]::N: ' \
      '(--keep-epoch)--keep-epoch[leave the epoch alone]' \
      '(--level)--level=[how hard to compress]:N: ' \
      '(--rate)--rate=[bytes per second]:SIZE: ' \
      '(--max-age)--max-age=[fail when older]:DURATION: ' \
      '(--keep-last)--keep-last=[how many to keep]:N: ' \
      '(--dangerous)--dangerous[ask first]' \
      '(-r --repo)--repo=[repository\: a path, or a name from \[repo.NAME\] of the configuration]:REPO:_zkark_repository' \
      '(-r --repo)-r+[repository\: a path, or a name from \[repo.NAME\] of the configuration]:REPO:_zkark_repository' \
      '(-C --cluster)--cluster=[which cluster of the repository; also picks \[cluster.NAME\] of the configuration]:NAME:_zkark_cluster' \
      '(-C --cluster)-C+[which cluster of the repository; also picks \[cluster.NAME\] of the configuration]:NAME:_zkark_cluster' \
      '(-c --config)--config=[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-c --config)-c+[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-o --output)--output=[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(-o --output)-o+[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(--json)--json[the same as --output json]' \
      '(-q --quiet)--quiet[no notes and no progress on stderr; warnings and errors remain]' \
      '(-q --quiet)-q[no notes and no progress on stderr; warnings and errors remain]' \
      '(-v --verbose --quiet)--verbose[say more on stderr]' \
      '(-v --verbose --quiet)-v[say more on stderr]' \
      '(--log-format)--log-format=[how messages on stderr look]:FORMAT:((auto\:"json with -o json or ndjson, else text" text\:"lines for people" json\:"one JSON object a line"))' \
      '(--color)--color=[colours and bold text]:WHEN:((auto\:"on a terminal, unless NO_COLOR is set" always never))' \
      '(--no-progress)--no-progress[no progress display]' \
      '(--no-input)--no-input[never ask; what would need an answer is refused]' \
      '(-y --yes)--yes[answer yes to every question]' \
      '(-y --yes)-y[answer yes to every question]' \
      '(--lock-wait)--lock-wait=[how long to wait for another run'\''s lock]:DURATION: ' \
      '(--no-lock)--no-lock[take no lock on what is only read, and store no verdict]' \
      '(--tz)--tz=[time zone of times given without one, such as Europe/Vienna or UTC]:ZONE: ' \
      '*:SRC:_zkark_source'
      ;;
    list)
      _arguments -S \
      '(- *)'{-h,--help}'[help]' \
      '(-r --repo)--repo=[repository\: a path, or a name from \[repo.NAME\] of the configuration]:REPO:_zkark_repository' \
      '(-r --repo)-r+[repository\: a path, or a name from \[repo.NAME\] of the configuration]:REPO:_zkark_repository' \
      '(-C --cluster)--cluster=[which cluster of the repository; also picks \[cluster.NAME\] of the configuration]:NAME:_zkark_cluster' \
      '(-C --cluster)-C+[which cluster of the repository; also picks \[cluster.NAME\] of the configuration]:NAME:_zkark_cluster' \
      '(-c --config)--config=[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-c --config)-c+[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-o --output)--output=[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(-o --output)-o+[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(--json)--json[the same as --output json]' \
      '(-q --quiet)--quiet[no notes and no progress on stderr; warnings and errors remain]' \
      '(-q --quiet)-q[no notes and no progress on stderr; warnings and errors remain]' \
      '(-v --verbose --quiet)--verbose[say more on stderr]' \
      '(-v --verbose --quiet)-v[say more on stderr]' \
      '(--log-format)--log-format=[how messages on stderr look]:FORMAT:((auto\:"json with -o json or ndjson, else text" text\:"lines for people" json\:"one JSON object a line"))' \
      '(--color)--color=[colours and bold text]:WHEN:((auto\:"on a terminal, unless NO_COLOR is set" always never))'
      ;;
    rows)
      _arguments -S \
      '(- *)'{-h,--help}'[help]' \
      '(-c --config)--config=[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-c --config)-c+[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-o --output)--output=[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(-o --output)-o+[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(--json)--json[the same as --output json]' \
      '(-q --quiet)--quiet[no notes and no progress on stderr; warnings and errors remain]' \
      '(-q --quiet)-q[no notes and no progress on stderr; warnings and errors remain]' \
      '(-v --verbose --quiet)--verbose[say more on stderr]' \
      '(-v --verbose --quiet)-v[say more on stderr]' \
      '(--log-format)--log-format=[how messages on stderr look]:FORMAT:((auto\:"json with -o json or ndjson, else text" text\:"lines for people" json\:"one JSON object a line"))' \
      '(--color)--color=[colours and bold text]:WHEN:((auto\:"on a terminal, unless NO_COLOR is set" always never))' \
      '1::N: '
      ;;
    fail)
      _arguments -S \
      '(- *)'{-h,--help}'[help]' \
      '(-c --config)--config=[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-c --config)-c+[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-o --output)--output=[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(-o --output)-o+[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(--json)--json[the same as --output json]' \
      '(-q --quiet)--quiet[no notes and no progress on stderr; warnings and errors remain]' \
      '(-q --quiet)-q[no notes and no progress on stderr; warnings and errors remain]' \
      '(-v --verbose --quiet)--verbose[say more on stderr]' \
      '(-v --verbose --quiet)-v[say more on stderr]' \
      '(--log-format)--log-format=[how messages on stderr look]:FORMAT:((auto\:"json with -o json or ndjson, else text" text\:"lines for people" json\:"one JSON object a line"))' \
      '(--color)--color=[colours and bold text]:WHEN:((auto\:"on a terminal, unless NO_COLOR is set" always never))' \
      '*:ID:(ZKA-0100 ZKA-0101 ZKA-0102 ZKA-0200 ZKA-0201 ZKA-0202 ZKA-0300 ZKA-0301 ZKA-0400 ZKA-0500 ZKA-0501 ZKA-0502 ZKA-0600 ZKA-0601 ZKA-0602 ZKA-0603 ZKA-0604 ZKA-0605 ZKA-0606 ZKA-0607 ZKA-0608 ZKA-0609 ZKA-0610 ZKA-0611 ZKA-0612 ZKA-0613 ZKA-0614 ZKA-0615 ZKA-0616 ZKA-0617 ZKA-0618 ZKA-0700 ZKA-0701 ZKA-0702 ZKA-0703 ZKA-0704 ZKA-0705 ZKA-0706 ZKA-0800 ZKA-0900 ZKA-0901 ZKA-0902 ZKA-0903 ZKA-0904 ZKA-1000 ZKA-1001 ZKA-1100 ZKA-1101 ZKA-1200 ZKA-1300)'
      ;;
    config)
      _arguments -S \
      '(- *)'{-h,--help}'[help]' \
      '(--origin)--origin[also say where each value comes from]' \
      '(-c --config)--config=[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-c --config)-c+[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-o --output)--output=[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(-o --output)-o+[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(--json)--json[the same as --output json]' \
      '(-q --quiet)--quiet[no notes and no progress on stderr; warnings and errors remain]' \
      '(-q --quiet)-q[no notes and no progress on stderr; warnings and errors remain]' \
      '(-v --verbose --quiet)--verbose[say more on stderr]' \
      '(-v --verbose --quiet)-v[say more on stderr]' \
      '(--log-format)--log-format=[how messages on stderr look]:FORMAT:((auto\:"json with -o json or ndjson, else text" text\:"lines for people" json\:"one JSON object a line"))' \
      '(--color)--color=[colours and bold text]:WHEN:((auto\:"on a terminal, unless NO_COLOR is set" always never))' \
      '1:ACTION:((check\:"read everything, list every problem" show\:"print what counts"))'
      ;;
    explain)
      _arguments -S \
      '(- *)'{-h,--help}'[help]' \
      '(-c --config)--config=[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-c --config)-c+[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-o --output)--output=[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(-o --output)-o+[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(--json)--json[the same as --output json]' \
      '(-q --quiet)--quiet[no notes and no progress on stderr; warnings and errors remain]' \
      '(-q --quiet)-q[no notes and no progress on stderr; warnings and errors remain]' \
      '(-v --verbose --quiet)--verbose[say more on stderr]' \
      '(-v --verbose --quiet)-v[say more on stderr]' \
      '(--log-format)--log-format=[how messages on stderr look]:FORMAT:((auto\:"json with -o json or ndjson, else text" text\:"lines for people" json\:"one JSON object a line"))' \
      '(--color)--color=[colours and bold text]:WHEN:((auto\:"on a terminal, unless NO_COLOR is set" always never))' \
      '1::ID:(ZKA-0100 ZKA-0101 ZKA-0102 ZKA-0200 ZKA-0201 ZKA-0202 ZKA-0300 ZKA-0301 ZKA-0400 ZKA-0500 ZKA-0501 ZKA-0502 ZKA-0600 ZKA-0601 ZKA-0602 ZKA-0603 ZKA-0604 ZKA-0605 ZKA-0606 ZKA-0607 ZKA-0608 ZKA-0609 ZKA-0610 ZKA-0611 ZKA-0612 ZKA-0613 ZKA-0614 ZKA-0615 ZKA-0616 ZKA-0617 ZKA-0618 ZKA-0700 ZKA-0701 ZKA-0702 ZKA-0703 ZKA-0704 ZKA-0705 ZKA-0706 ZKA-0800 ZKA-0900 ZKA-0901 ZKA-0902 ZKA-0903 ZKA-0904 ZKA-1000 ZKA-1001 ZKA-1100 ZKA-1101 ZKA-1200 ZKA-1300)'
      ;;
    completion)
      _arguments -S \
      '(- *)'{-h,--help}'[help]' \
      '(-c --config)--config=[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-c --config)-c+[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-o --output)--output=[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(-o --output)-o+[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(--json)--json[the same as --output json]' \
      '(-q --quiet)--quiet[no notes and no progress on stderr; warnings and errors remain]' \
      '(-q --quiet)-q[no notes and no progress on stderr; warnings and errors remain]' \
      '(-v --verbose --quiet)--verbose[say more on stderr]' \
      '(-v --verbose --quiet)-v[say more on stderr]' \
      '(--log-format)--log-format=[how messages on stderr look]:FORMAT:((auto\:"json with -o json or ndjson, else text" text\:"lines for people" json\:"one JSON object a line"))' \
      '(--color)--color=[colours and bold text]:WHEN:((auto\:"on a terminal, unless NO_COLOR is set" always never))' \
      '1:SHELL:((bash zsh fish))'
      ;;
    man)
      _arguments -S \
      '(- *)'{-h,--help}'[help]' \
      '(--all)--all=[write every page into this directory]:DIR:_files -/' \
      '(-c --config)--config=[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-c --config)-c+[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-o --output)--output=[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(-o --output)-o+[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(--json)--json[the same as --output json]' \
      '(-q --quiet)--quiet[no notes and no progress on stderr; warnings and errors remain]' \
      '(-q --quiet)-q[no notes and no progress on stderr; warnings and errors remain]' \
      '(-v --verbose --quiet)--verbose[say more on stderr]' \
      '(-v --verbose --quiet)-v[say more on stderr]' \
      '(--log-format)--log-format=[how messages on stderr look]:FORMAT:((auto\:"json with -o json or ndjson, else text" text\:"lines for people" json\:"one JSON object a line"))' \
      '(--color)--color=[colours and bold text]:WHEN:((auto\:"on a terminal, unless NO_COLOR is set" always never))' \
      '1::VERB:(save list rows fail config explain completion man version help)'
      ;;
    version)
      _arguments -S \
      '(- *)'{-h,--help}'[help]' \
      '(-c --config)--config=[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-c --config)-c+[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-o --output)--output=[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(-o --output)-o+[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(--json)--json[the same as --output json]' \
      '(-q --quiet)--quiet[no notes and no progress on stderr; warnings and errors remain]' \
      '(-q --quiet)-q[no notes and no progress on stderr; warnings and errors remain]' \
      '(-v --verbose --quiet)--verbose[say more on stderr]' \
      '(-v --verbose --quiet)-v[say more on stderr]' \
      '(--log-format)--log-format=[how messages on stderr look]:FORMAT:((auto\:"json with -o json or ndjson, else text" text\:"lines for people" json\:"one JSON object a line"))' \
      '(--color)--color=[colours and bold text]:WHEN:((auto\:"on a terminal, unless NO_COLOR is set" always never))'
      ;;
    help)
      _arguments -S \
      '(- *)'{-h,--help}'[help]' \
      '(-c --config)--config=[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-c --config)-c+[read this configuration file instead of the user'\''s]:FILE:_files' \
      '(-o --output)--output=[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(-o --output)-o+[how results are printed]:FORMAT:((table\:"for people" json\:"one document" ndjson\:"one JSON object a line" plain\:"tab-separated, without header" csv\:"comma-separated, with header"))' \
      '(--json)--json[the same as --output json]' \
      '(-q --quiet)--quiet[no notes and no progress on stderr; warnings and errors remain]' \
      '(-q --quiet)-q[no notes and no progress on stderr; warnings and errors remain]' \
      '(-v --verbose --quiet)--verbose[say more on stderr]' \
      '(-v --verbose --quiet)-v[say more on stderr]' \
      '(--log-format)--log-format=[how messages on stderr look]:FORMAT:((auto\:"json with -o json or ndjson, else text" text\:"lines for people" json\:"one JSON object a line"))' \
      '(--color)--color=[colours and bold text]:WHEN:((auto\:"on a terminal, unless NO_COLOR is set" always never))' \
      '1::VERB:(save list rows fail config explain completion man version help)'
      ;;
  esac
}

if [[ $funcstack[1] == _zkark ]]; then
  _zkark "$@"
else
  compdef _zkark zkark
fi
