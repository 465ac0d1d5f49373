# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of ftpsfs for bash. What there is to complete, ftpsfs itself tells.

# _ftpsfs_words KIND [PREFIX]: the candidates of a kind, each behind PREFIX
_ftpsfs_words() {
    local word
    while IFS=$'\t' read -r word _; do
        printf '%s%s\n' "${2-}" "$word"
    done < <(ftpsfs --complete "$1" 2>/dev/null)
}

# _ftpsfs_option WORD: the last of the options in WORD, "a,b=1,c", which follows -o
_ftpsfs_option() {
    local last=${1##*,} value name
    local before=${1%"$last"}
    if [[ $last != *=* ]]; then
        _ftpsfs_words options "$before"
        return
    fi
    name=${last%%=*} value=${last#*=}
    before+=$name=
    case $(_ftpsfs_words "values:$name") in
    '<file>') compgen -P "$before" -f -- "$value" ;;
    '<directory>') compgen -P "$before" -d -- "$value" ;;
    '<user>') compgen -P "$before" -u -- "$value" ;;
    '<group>') compgen -P "$before" -g -- "$value" ;;
    *) _ftpsfs_words "values:$name" "$before" ;;
    esac
}

_ftpsfs() {
    # Words as the shell sees them: bash's own list is split at "=" and ":" too.
    local line=${COMP_LINE:0:COMP_POINT} words current previous='' source='' i candidates
    read -ra words <<<"$line"
    current=''
    if [[ $line != *[[:space:]] ]]; then
        current=${words[-1]}
        unset 'words[-1]'
    fi
    for ((i = 1; i < ${#words[@]}; i++)); do
        [[ ${words[i]} == -* || $previous == -o ]] || source=${words[i]}
        previous=${words[i]}
    done
    case $previous,$current in
    -o,*) candidates=$(_ftpsfs_option "$current") ;;
    *,-o?*) candidates=$(_ftpsfs_option "${current#-o}" | sed 's/^/-o/') ;;
    *,-*) candidates=$(_ftpsfs_words flags) ;;
    --print-config,* | --probe,* | --describe,*) candidates=$(_ftpsfs_words aliases) ;;
    --*,*) candidates=$(_ftpsfs_words mountpoints) ;;
    *)
        if [[ -z $source ]]; then
            candidates=$(_ftpsfs_words aliases)
        else
            candidates=$(compgen -d -- "$current")
        fi
        ;;
    esac
    local IFS=$'\n'
    COMPREPLY=()
    while read -r i; do
        [[ -n $i && $i == "$current"* ]] && COMPREPLY+=("$i")
    done <<<"$candidates"
    # An option that takes a value, and an alias, are not yet whole.
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:] ]] && compopt -o nospace 2>/dev/null
    # bash puts in the place of what follows the last of these.
    local kept=''
    [[ $current == *[=:]* && $COMP_WORDBREAKS == *[=:]* ]] && kept=${current%"${current##*[=:]}"}
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}

complete -F _ftpsfs ftpsfs
