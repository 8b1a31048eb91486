import type { Candidates, CompletionNode } from './completion-table.ts';

/** The completion script of PowerShell, 5.1 or later. */
export function powershellScript(nodes: readonly CompletionNode[]): string {
  const commands = nodes.flatMap((node) =>
    node.commands.flatMap(({ names, path }) => names.map((name) => [`${node.path} ${name}`, quoted(path)] as const)),
  );
  const values = nodes.flatMap(({ path, options }) =>
    options.flatMap(({ forms, value }) =>
      value === undefined ? [] : forms.map((form) => [`${path} ${form}`, list(value)] as const),
    ),
  );
  const args = nodes.flatMap(({ path, arguments: all, variadic }) =>
    all.map((value, index) => [`${path} ${variadic && index === all.length - 1 ? '*' : index}`, list(value)] as const),
  );
  return `# PowerShell completion of gemma; put into $PROFILE: gemma completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName gemma -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $enter = ${table(commands)}
    $values = ${table(values)}
    $arguments = ${table(args)}
    $offers = ${table(nodes.map(({ path, commands: below, options }) => [path === '' ? '/' : path, `@(${[...below.map(({ names, summary }) => [names[0] ?? '', summary] as const), ...options.flatMap(({ forms, summary }) => forms.map((form) => [form, summary] as const))].map(([name, summary]) => `@(${quoted(name)}, ${quoted(summary)})`).join(', ')})`] as const))}

    $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition -or ($_.Extent.EndOffset -eq $cursorPosition -and $wordToComplete -eq '') } |
        ForEach-Object { $_.Extent.Text.Trim('"', "'") })
    $path = ''
    $number = 0
    $found = $null
    for ($i = 0; $i -lt $before.Count; $i++) {
        $word = $before[$i]
        if ($word -like '-*') {
            if ($values.ContainsKey("$path $word")) {
                if ($i -eq $before.Count - 1) { $found = $values["$path $word"] }
                $i++
            }
        }
        elseif ($number -eq 0 -and $enter.ContainsKey("$path $word")) { $path = $enter["$path $word"] }
        else { $number++ }
    }
    $prefix = ''
    $start = $wordToComplete
    $results = @()
    if ($null -eq $found -and $wordToComplete -match '^(--[^=]+)=(.*)$') {
        $prefix = $Matches[1] + '='
        $start = $Matches[2]
        $found = $values["$path $($Matches[1])"]
    }
    elseif ($null -eq $found) {
        $node = if ($path -eq '') { '/' } else { $path }
        foreach ($offer in $offers[$node]) {
            if ($wordToComplete -notlike '-*' -and ($offer[0] -like '-*' -or $number -gt 0)) { continue }
            $results += , $offer
        }
        if ($wordToComplete -notlike '-*') {
            $found = if ($arguments.ContainsKey("$path $number")) { $arguments["$path $number"] } else { $arguments["$path *"] }
        }
    }
    foreach ($item in @($found)) {
        if ($null -eq $item) { continue }
        if ($item -eq '@files') {
            foreach ($file in Get-ChildItem -Path "$start*" -ErrorAction SilentlyContinue) { $results += , @((Resolve-Path -Relative $file.FullName), $file.Name) }
        }
        elseif ($item -like '@*') {
            foreach ($name in @(gemma __complete $item.Substring(1) 2>$null)) { $results += , @($name, $name) }
        }
        else { $results += , @($item, $item) }
    }
    foreach ($result in $results) {
        if (-not $result[0].StartsWith($start) -and $result[0] -notlike '.*') { continue }
        $text = $prefix + $result[0]
        if ($text -match '\\s') { $text = "'" + $text.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $result[0], 'ParameterValue', $result[1])
    }
}
`;
}

function table(entries: readonly (readonly [string, string])[]): string {
  return `@{\n${entries.map(([key, value]) => `        ${quoted(key)} = ${value}`).join('\n')}\n    }`;
}

function list({ words, names, files }: Candidates): string {
  const items = [...words, ...(names === undefined ? [] : [`@${names}`]), ...(files ? ['@files'] : [])];
  return `@(${items.map(quoted).join(', ')})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
