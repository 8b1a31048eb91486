import type { ConfigKey } from '../src/index.ts';

/** The key table of `docs/configuration.md`: one section of Markdown for each section of the file. */
export function documentedKeys(keys: readonly ConfigKey[]): string {
  const sections = [...new Set(keys.map((row) => row.key.split('.')[0] ?? ''))];
  return sections
    .map((section) =>
      [
        `### [${section}]`,
        '',
        ...keys.filter((row) => row.key.startsWith(`${section}.`)).map((row) => describeKey(row)),
      ].join('\n'),
    )
    .join('\n\n');
}

function describeKey(row: ConfigKey): string {
  const variables = [row.environment, ...row.environmentAliases].map((name) => `\`${name}\``).join(', then ');
  const project = row.project ? '' : ' Not in a project file.';
  return [
    `- **\`${row.key}\`** = \`${row.default === null ? '""' : JSON.stringify(row.default)}\`: ${row.summary}`,
    `  Takes ${row.type}. Variable: ${variables}.${project}`,
    `  _Why this default:_ ${row.reason}`,
  ].join('\n');
}
