import { builtInRoles, configKeys } from '@gemma-cli/config';
import { catalog } from '@gemma-cli/models';
import type { CommandDefinition } from '../command.ts';
import type { CommandServices } from '../command-services.ts';
import { commandTable } from '../command-table.ts';
import { bashScript } from '../completion/bash-script.ts';
import { completionTable } from '../completion/completion-table.ts';
import { fishScript } from '../completion/fish-script.ts';
import { powershellScript } from '../completion/powershell-script.ts';
import { zshScript } from '../completion/zsh-script.ts';
import { askOptions, globalOptions } from '../option-table.ts';
import { answerOptionKeys } from '../thin/parse-answer-options.ts';
import { printJson } from './print.ts';
import { usageError } from './usage-error.ts';

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript, powershell: powershellScript };

/** `gemma completion`: prints what a shell needs to complete command lines. */
export function completionCommand(services: CommandServices): CommandDefinition {
  return {
    name: 'completion',
    summary: 'Print the completion script of a shell.',
    arguments: [
      { name: 'SHELL', summary: 'bash, zsh, fish or powershell.', required: true, choices: Object.keys(scripts) },
    ],
    examples: [
      { command: 'eval "$(gemma completion bash)"', effect: 'completes in this shell; put it into ~/.bashrc' },
      { command: 'eval "$(gemma completion zsh)"', effect: 'the same for ~/.zshrc, after compinit' },
      {
        command: 'gemma completion fish > ~/.config/fish/completions/gemma.fish',
        effect: 'completes in every fish from now on',
      },
      {
        command: 'gemma completion powershell | Out-String | Invoke-Expression',
        effect: 'the same for PowerShell; put it into $PROFILE',
      },
    ],
    async run({ stdout, options }, { arguments: [shell = ''] }) {
      if (!isShell(shell))
        throw usageError(`Expected ${Object.keys(scripts).join(', ')}, got ${JSON.stringify(shell)}.`);
      const commands = await Promise.all(commandTable.map((entry) => entry.load(services)));
      const script = scripts[shell](
        completionTable(commands, {
          askOptions,
          globalOptions,
          known: {
            catalog: catalog.map(({ name }) => name),
            configKeys: configKeys.map(({ key }) => key),
            optionKeys: Object.keys(answerOptionKeys),
            builtInRoles: Object.keys(builtInRoles),
          },
        }),
      );
      if (options.json) printJson(stdout, { shell, script });
      else stdout.write(script);
      return 0;
    },
  };
}

function isShell(shell: string): shell is keyof typeof scripts {
  return Object.hasOwn(scripts, shell);
}
