import type { Candidates, CompletionNode } from './completion-table.ts';
import { argumentRules, commandRules, quoted, valueRules } from './script-rules.ts';

/** The completion script of zsh, as a file of its fpath or for `eval`. */
export function zshScript(nodes: readonly CompletionNode[]): string {
  return `#compdef gemma
# zsh completion of gemma; put into ~/.zshrc after compinit: eval "$(gemma completion zsh)"

# Follows a word to the command it names: sets node.
__gemma_enter() {
  case "$1 $2" in
${commandRules(nodes, (path) => `node=${quoted(path)}`)}
    *) return 1 ;;
  esac
}

# What the value of an option may be: sets found. Fails for a switch.
__gemma_value() {
  case "$1 $2" in
${valueRules(nodes, (value) => `found=(${action(value)})`)}
    *) return 1 ;;
  esac
}

# What an argument may be, by its number: sets found.
__gemma_argument() {
  found=()
  case "$1 $2" in
${argumentRules(nodes, (value) => `found=(${action(value)})`)}
  esac
}

# The commands and options of a path, with what they do: sets below and flags.
__gemma_node() {
  case "$1" in
${nodes
  .map(
    ({ path, commands, options }) =>
      `    ${quoted(path)}) below=(${commands.map(({ names, summary }) => described(names[0] ?? '', summary)).join(' ')}) flags=(${options
        .flatMap(({ forms, summary }) => forms.map((form) => described(form, summary)))
        .join(' ')}) ;;`,
  )
  .join('\n')}
  esac
}

# Offers what may stand here: words, names that gemma knows, files.
__gemma_offer() {
  local -a plain names
  local item
  for item in "$@"; do
    case $item in
      @files) _files ;;
      @*) names+=("\${(@f)$(gemma __complete "\${item#@}" 2>/dev/null)}") ;;
      *) plain+=("$item") ;;
    esac
  done
  names=("\${(@)names:#}")
  (( $#names )) && compadd -a names
  # A key is not complete without its value.
  local -a keys=("\${(@M)plain:#*=}")
  plain=("\${(@)plain:#*=}")
  (( $#keys )) && compadd -S '' -a keys
  (( $#plain )) && compadd -a plain
  return 0
}

_gemma() {
  local node='' word after='' value='' cur="\${words[CURRENT]}"
  local -a found below flags
  local -i i number=0
  for ((i = 2; i < CURRENT; i++)); do
    word="\${words[i]}"
    if [[ -n $after ]]; then number+=1
    elif [[ $word == -- ]]; then after=1
    elif [[ $word == -* ]]; then
      if [[ $word != *=* ]] && __gemma_value "$node" "$word"; then
        i+=1
        (( i == CURRENT )) && value=1
      fi
    elif (( number == 0 )) && __gemma_enter "$node" "$word"; then :
    else number+=1; fi
  done
  if [[ -n $value ]]; then
    __gemma_offer "\${found[@]}"
    return
  fi
  __gemma_node "$node"
  if [[ -z $after && $cur == --*=* ]]; then
    __gemma_value "$node" "\${cur%%=*}" || return 1
    compset -P 1 '*='
    __gemma_offer "\${found[@]}"
  elif [[ -z $after && $cur == -* ]]; then
    _describe option flags
  else
    (( number == 0 )) && (( $#below )) && _describe command below
    __gemma_argument "$node" "$number"
    __gemma_offer "\${found[@]}"
  fi
}

# Sourced by eval the function is registered; as a file of fpath it is called.
if [[ $funcstack[1] == _gemma ]]; then _gemma "$@"; elif (( $+functions[compdef] )); then compdef _gemma gemma; fi
`;
}

/** A name and what it does, as _describe takes it. */
function described(name: string, summary: string): string {
  return quoted(`${name.replaceAll(':', String.raw`\:`)}:${summary}`);
}

function action({ words, names, files }: Candidates): string {
  return [...words, ...(names === undefined ? [] : [`@${names}`]), ...(files ? ['@files'] : [])].map(quoted).join(' ');
}
