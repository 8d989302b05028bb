#compdef prober
# zsh completion for prober(1): what may stand there is told by prober itself.

local line
local -a plain told
local files= open=
[[ ${words[CURRENT]} == --*=* ]] && compset -P '*='
while IFS= read -r line; do
    case $line in
        :files) files=1 ;;
        :open) open=1 ;;
        *$'\t'?*) told+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
        *) plain+=("${line%%$'\t'*}") ;;
    esac
done < <(_PROBER_COMPLETE=words "${words[1]}" "${(@Q)words[1,CURRENT]}" 2>/dev/null </dev/null)
(( $#told )) && _describe -t words prober told
(( $#plain )) && compadd ${open:+-S} ${open:+''} -- $plain
[[ -n $files ]] && _files
return 0
