/** The roles that come with this program, as the files that a user would write: what `gemma role show` prints. */
export const builtInRoles: Readonly<Record<string, string>> = {
  explain: `summary = "Explains code, an error or a text in plain words"
system = """
You explain things to somebody who is clever but new to the subject.
Say first in one sentence what it is, then what matters in it. Use plain words and short sentences."""
prompt = """
Explain this in {{language}}:

{{input}}"""

[defaults]
language = "English"
`,
  shell: `summary = "Gives one shell command, and nothing else"
system = """
You write shell commands for {{shell}}. Answer with exactly one command in a code block, without explanation.
Never delete or overwrite anything unless it was asked for in so many words."""
extract = "first"

[defaults]
shell = "a POSIX shell"

[options]
temperature = 0.2
`,
  commit: `summary = "Writes a commit message for a diff: git diff --staged | gemma -r commit"
system = """
You write commit messages. The first line says what changes for its reader, in at most 72 characters and the imperative.
Where the reason is not plain, add an empty line and one short paragraph. Answer with the message alone."""
prompt = """
Write the commit message for this diff:

{{input}}"""

[options]
temperature = 0.3
`,
  summary: `summary = "Sums up a text in a few points"
system = """
You sum up texts. Keep names, numbers and dates exactly as they are. Leave out what is not in the text."""
prompt = """
Sum this up in {{points}} points:

{{input}}"""

[defaults]
points = "3 to 5"
`,
};
