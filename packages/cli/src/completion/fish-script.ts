import type { Candidates, CompletionNode } from './completion-table.ts';

/** The completion script of fish, 3.1 or later. */
export function fishScript(nodes: readonly CompletionNode[]): string {
  const valued = nodes.flatMap(({ path, options }) =>
    options.filter(({ value }) => value !== undefined).flatMap(({ forms }) => forms.map((form) => `${path} ${form}`)),
  );
  const entries = nodes.flatMap((node) =>
    node.commands.map(
      ({ names, path }) =>
        `        case ${names.map((name) => quoted(`${node.path} ${name}`)).join(' ')}\n            echo ${quoted(path)}`,
    ),
  );
  return `# fish completion of gemma; put into ~/.config/fish/completions/gemma.fish

# The path that a word leads to from a path.
function __gemma_enter
    switch "$argv[1] $argv[2]"
${entries.join('\n')}
        case '*'
            return 1
    end
end

# Whether an option takes a value.
function __gemma_valued
    contains -- "$argv[1] $argv[2]" ${valued.map(quoted).join(' ')}
end

# Prints the path of the command that is being typed, and how many arguments stand before the cursor.
function __gemma_place
    set -l path ''
    set -l number 0
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
        else if string match -q -- '-*' $word
            if not string match -q -- '*=*' $word; and __gemma_valued "$path" $word
                set skip 1
            end
        else if test $number = 0; and set -l next (__gemma_enter "$path" $word)
            set path $next
        else
            set number (math $number + 1)
        end
    end
    echo "$path $number"
end

# Whether the cursor is at an argument of a path: its number, or any.
function __gemma_at
    set -l place (__gemma_place)
    if test (count $argv) = 1
        string match -q -- "$argv[1] *" $place
    else
        test "$place" = "$argv[1] $argv[2]"
    end
end

complete -c gemma -f
${nodes.map(nodeLines).join('\n')}
`;
}

function nodeLines({ path, commands, options, arguments: args, variadic }: CompletionNode): string {
  const lines: string[] = [];
  const here = `__gemma_at ${quoted(path)}`;
  for (const { names, summary } of commands)
    lines.push(`complete -c gemma -n ${quoted(`${here} 0`)} -a ${quoted(names[0] ?? '')} -d ${quoted(summary)}`);
  for (const { forms, summary, value } of options) {
    const flags = forms
      .map((form) => (form.startsWith('--') ? `-l ${form.slice(2)}` : `-s ${form.slice(1)}`))
      .join(' ');
    lines.push(`complete -c gemma -n ${quoted(here)} ${flags}${valuePart(value)} -d ${quoted(summary)}`);
  }
  for (const [index, value] of args.entries()) {
    if (value.words.length === 0 && value.names === undefined && !value.files) continue;
    const place = variadic && index === args.length - 1 ? here : `${here} ${index}`;
    lines.push(`complete -c gemma -n ${quoted(place)}${value.files ? ' -F' : ''}${listPart(value)}`);
  }
  return lines.join('\n');
}

function valuePart(value: Candidates | undefined): string {
  if (value === undefined) return '';
  return `${value.files ? ' -rF' : ' -x'}${listPart(value)}`;
}

function listPart({ words, names }: Candidates): string {
  const list = [...words, ...(names === undefined ? [] : [`(gemma __complete ${names} 2>/dev/null)`])].join(' ');
  return list === '' ? '' : ` -a ${quoted(list)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
}
