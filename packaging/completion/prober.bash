# bash completion for prober(1): what may stand there is told by prober itself.

_prober() {
    local current="${COMP_WORDS[COMP_CWORD]}" line word
    local -a words=()
    # bash has a word of its own for what stands behind a colon or an equals sign.
    [[ $current == [=:] ]] && current=
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :files) compopt -o filenames; mapfile -t words < <(compgen -f -- "$current") ;;
            :open) compopt -o nospace ;;
            *) word=${line%%$'\t'*}; COMPREPLY+=("$(printf %q "$word")") ;;
        esac
    done < <(_PROBER_COMPLETE=line "${COMP_WORDS[0]}" "${COMP_LINE:0:COMP_POINT}" 2>/dev/null </dev/null)
    COMPREPLY+=("${words[@]}")
}

complete -F _prober prober
