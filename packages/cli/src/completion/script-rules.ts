import type { Candidates, CompletionNode } from './completion-table.ts';

/** A text between single quotes, for bash and zsh. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** Rules of a `case` over `PATH WORD`: which path a word leads to. */
export function commandRules(nodes: readonly CompletionNode[], then: (path: string) => string): string {
  return rules(
    nodes.flatMap((node) =>
      node.commands.map(({ names, path }) => [names.map((name) => `${node.path} ${name}`), then(path)] as const),
    ),
  );
}

/** Rules of a `case` over `PATH OPTION`: what the value of an option may be. */
export function valueRules(nodes: readonly CompletionNode[], then: (value: Candidates) => string): string {
  return rules(
    nodes.flatMap(({ path, options }) =>
      options.flatMap(({ forms, value }) =>
        value === undefined ? [] : [[forms.map((form) => `${path} ${form}`), then(value)] as const],
      ),
    ),
  );
}

/** Rules of a `case` over `PATH NUMBER`: what an argument may be. */
export function argumentRules(nodes: readonly CompletionNode[], then: (value: Candidates) => string): string {
  return rules(
    nodes.flatMap(({ path, arguments: args, variadic }) =>
      args.flatMap((value, index) => {
        if (value.words.length === 0 && value.names === undefined && !value.files) return [];
        const isRest = variadic && index === args.length - 1;
        return [[[isRest ? `${path} *` : `${path} ${index}`], then(value)] as const];
      }),
    ),
  );
}

/** One rule for all patterns that lead to the same. */
function rules(all: readonly (readonly [readonly string[], string])[]): string {
  const byEffect = new Map<string, string[]>();
  for (const [patterns, effect] of all) byEffect.set(effect, [...(byEffect.get(effect) ?? []), ...patterns]);
  return Array.from(
    byEffect,
    ([effect, patterns]) =>
      `    ${patterns.map((pattern) => (pattern.endsWith(' *') ? `${quoted(pattern.slice(0, -1))}*` : quoted(pattern))).join('|')}) ${effect} ;;`,
  ).join('\n');
}
