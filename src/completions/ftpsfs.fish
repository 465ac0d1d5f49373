# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of ftpsfs for fish. What there is to complete, ftpsfs itself tells.

function __ftpsfs_words
    command ftpsfs --complete $argv 2>/dev/null
end

# The last of the options that follow -o, "a,b=1,c".
function __ftpsfs_option
    set -l token (commandline -ct | string replace -r '^-o' '')
    set -l last (string replace -r '^.*,' '' -- $token)
    set -l before (string replace -r '[^,]*$' '' -- $token)
    if not string match -q '*=*' -- $last
        for line in (__ftpsfs_words options)
            echo $before$line
        end
        return
    end
    set -l name (string replace -r '=.*' '' -- $last)
    set -l value (string replace -r '^[^=]*=' '' -- $last)
    set -l words (__ftpsfs_words values:$name)
    switch (string trim -- "$words")
        case '<file>'
            set words (__fish_complete_path $value)
        case '<directory>'
            set words (__fish_complete_directories $value)
        case '<user>'
            set words (__fish_complete_users)
        case '<group>'
            set words (__fish_complete_groups)
    end
    for word in $words
        echo $before$name=$word
    end
end

function __ftpsfs_operand
    set -l tokens (commandline -opc)
    set -l previous $tokens[-1]
    set -l source
    set -l before
    for one in $tokens[2..-1]
        if not string match -q -- '-*' $one; and test "$before" != -o
            set source $one
        end
        set before $one
    end
    switch $previous
        case --print-config --probe --describe
            __ftpsfs_words aliases
        case '--*'
            __ftpsfs_words mountpoints
        case '*'
            if test -z "$source"
                __ftpsfs_words aliases
            else
                __fish_complete_directories (commandline -ct)
            end
    end
end

complete -c ftpsfs -f
complete -c ftpsfs -s o -x -a '(__ftpsfs_option)' -d options
complete -c ftpsfs -n 'string match -q -- "-*" (commandline -ct)' -a '(__ftpsfs_words flags)'
complete -c ftpsfs -n 'not string match -q -- "-*" (commandline -ct)' -a '(__ftpsfs_operand)'
