import type { Candidates, CompletionNode } from './completion-table.ts';
import { argumentRules, commandRules, quoted, valueRules } from './script-rules.ts';

/** The completion script of bash, 3.2 or later. */
export function bashScript(nodes: readonly CompletionNode[]): string {
  return `# bash completion of gemma; put into ~/.bashrc: eval "$(gemma completion bash)"

# Follows a word to the command it names: sets path.
__gemma_enter() {
  case "$1 $2" in
${commandRules(nodes, (path) => `path=${quoted(path)}`)}
    *) return 1 ;;
  esac
}

# What the value of an option may be: sets found. Fails for a switch.
__gemma_value() {
  case "$1 $2" in
${valueRules(nodes, (value) => `found=${quoted(action(value))}`)}
    *) return 1 ;;
  esac
}

# What an argument may be, by its number: sets found.
__gemma_argument() {
  found=
  case "$1 $2" in
${argumentRules(nodes, (value) => `found=${quoted(action(value))}`)}
  esac
}

# The commands and options of a path: sets commands and options.
__gemma_node() {
  case "$1" in
${nodes
  .map(
    ({ path, commands, options }) =>
      `    ${quoted(path)}) commands=${quoted(commands.map(({ names }) => names[0]).join(' '))} options=${quoted(options.flatMap(({ forms }) => forms).join(' '))} ;;`,
  )
  .join('\n')}
  esac
}

_gemma() {
  local IFS=$' \\t\\n' path= found= commands= options= cur= word= value= start= after= number=0 i
  local -a words=() offers=()
  COMPREPLY=()
  # Bash cuts words at ":" and "="; they are put together again.
  local glued=
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == [:=]* || -n $glued ]] && ((\${#words[@]} > 0)); then
      words[\${#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
    glued=
    [[ $word == *[:=] ]] && glued=1
  done
  # After a blank a new word begins, whatever stood before it.
  if [[ \${COMP_LINE:0:COMP_POINT} == *[[:space:]] && -n \${words[\${#words[@]}-1]} ]]; then words+=(''); fi
  cur=\${words[\${#words[@]}-1]}

  for ((i = 0; i < \${#words[@]} - 1; i++)); do
    word=\${words[i]}
    if [[ -n $after ]]; then number=$((number + 1))
    elif [[ $word == -- ]]; then after=1
    elif [[ $word == -* ]]; then
      if [[ $word != *=* ]] && __gemma_value "$path" "$word"; then
        i=$((i + 1))
        if ((i == \${#words[@]} - 1)); then value=1; break; fi
      fi
    elif ((number == 0)) && __gemma_enter "$path" "$word"; then :
    else number=$((number + 1)); fi
  done

  start=$cur
  if [[ -z $value ]]; then
    __gemma_node "$path"
    if [[ -z $after && $cur == --*=* ]]; then
      __gemma_value "$path" "\${cur%%=*}" || return 0
      start=\${cur#*=}
    elif [[ -z $after && $cur == -* ]]; then
      found=$options
    else
      __gemma_argument "$path" "$number"
      if ((number == 0)); then found="$commands $found"; fi
    fi
  fi

  for word in $found; do
    case $word in
      @files)
        compopt -o filenames 2>/dev/null
        while IFS= read -r word; do offers+=("$word"); done < <(compgen -f -- "$start")
        ;;
      @*) while IFS= read -r word; do [[ $word == "$start"* ]] && offers+=("$word"); done < <(gemma __complete "\${word#@}" 2>/dev/null) ;;
      *) if [[ $word == "$start"* ]]; then offers+=("$word"); fi ;;
    esac
  done
  # What stands before the last ":" or "=" is on the line already.
  local cut=
  if [[ $start == *:* && $COMP_WORDBREAKS == *:* ]]; then cut=\${start%"\${start##*:}"}; fi
  if [[ $start == *=* && $COMP_WORDBREAKS == *=* ]]; then
    local upto=\${start%"\${start##*=}"}
    if ((\${#upto} > \${#cut})); then cut=$upto; fi
  fi
  for word in "\${offers[@]}"; do COMPREPLY+=("\${word#"$cut"}"); done
  if ((\${#offers[@]} == 1)) && [[ \${offers[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
  return 0
}

complete -F _gemma gemma
`;
}

function action({ words, names, files }: Candidates): string {
  return [...words, ...(names === undefined ? [] : [`@${names}`]), ...(files ? ['@files'] : [])].join(' ');
}
