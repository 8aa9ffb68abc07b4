import { COMPLETE } from './answer-shell.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * What a shell evaluates to complete loadline. Each script only asks the program: what there is to offer is known there alone, and is
 * tested there. Nothing that comes back is evaluated.
 */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# bash completion for loadline
__loadline() {
  local word part prefix='' glue='' line directive
  local -a words=()
  COMPREPLY=()
  # Readline breaks words at = and : as well; what belongs together is put together.
  for part in "\${COMP_WORDS[@]:1:COMP_CWORD}"; do
    if [[ \${#words[@]} -gt 0 && ( -n $glue || $part == [=:]* ) ]]; then
      prefix=\${words[\${#words[@]}-1]}
      words[\${#words[@]}-1]+=$part
    else
      prefix=''
      words+=("$part")
    fi
    [[ $part == *[=:] ]] && glue=1 || glue=''
  done
  word=\${words[\${#words[@]}-1]}
  # Right after the break nothing of the word is there yet.
  [[ -n $glue ]] && prefix=$word
  while IFS= read -r line; do
    if [[ $line == :* ]]; then
      directive=$line
    else
      line=\${line%%$'\\t'*}
      [[ $line == "$word"* ]] && COMPREPLY+=("\${line#"$prefix"}")
    fi
  done < <("\${COMP_WORDS[0]/#\\~/$HOME}" ${COMPLETE} -- "\${words[@]}" 2>/dev/null)
  case $directive in
    :files) compopt -o default 2>/dev/null ;;
    :directories)
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "\${word#"$prefix"}")
      ;;
    *nospace) compopt -o nospace 2>/dev/null ;;
  esac
}
complete -F __loadline loadline
`,
  zsh: `#compdef loadline
# zsh completion for loadline
_loadline() {
  local line directive word about
  local -a out candidates options
  out=("\${(@f)$("\${(Q)words[1]}" ${COMPLETE} -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${out[@]}"; do
    if [[ $line == :* ]]; then
      directive=$line
    elif [[ -n $line ]]; then
      word=\${line%%$'\\t'*}
      about=\${line#*$'\\t'}
      [[ $about == $line ]] && about=''
      candidates+=("\${word//:/\\\\:}\${about:+:$about}")
    fi
  done
  case $directive in
    :files) _files && return ;;
    :directories) _files -/ && return ;;
    *nospace) options=(-S '') ;;
  esac
  _describe 'loadline' candidates "\${options[@]}"
}
if [[ $funcstack[1] == _loadline ]]; then
  _loadline "$@"
else
  compdef _loadline loadline
fi
`,
  fish: `# fish completion for loadline
function __loadline
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l program $words[1]
    set -e words[1]
    set -l directive
    for line in ($program ${COMPLETE} -- $words "$current" 2>/dev/null)
        switch $line
            case ':*'
                set directive $line
            case '*'
                echo $line
        end
    end
    switch $directive
        case ':files'
            __fish_complete_path "$current"
        case ':directories'
            __fish_complete_directories "$current"
    end
end
complete --command loadline --no-files --arguments '(__loadline)'
`,
};
