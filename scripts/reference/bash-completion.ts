import { type Command, COMMANDS } from '../../src/cli/commands.ts';

const GENERAL = ['--help', '--version'];

/** The completion of rpmyard for bash, as bash-completion loads it. */
export function renderCompletion(): string {
  const cases = Object.entries<Command>(COMMANDS).map(([name, command]) => {
    const options = [...Object.keys(command.options).map((long) => `--${long}`), '--help'].join(' ');
    return `    ${name}) options='${options}' words='${(command.actions ?? []).join(' ')}' files='${filesOf(command)}' ;;`;
  });
  const fileOptions = flagsWhere((value) => value === 'FILE');
  const directoryOptions = flagsWhere((value) => value === 'DIR');
  const valueOptions = flagsWhere((value) => value !== undefined && value !== 'FILE' && value !== 'DIR');
  return `# bash completion for rpmyard
_rpmyard() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} options words files
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '${[...Object.keys(COMMANDS), ...GENERAL].join(' ')}' -- "$current")
    return
  fi
  case $previous in
    ${fileOptions}) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    ${directoryOptions}) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    ${valueOptions}) return ;;
  esac
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
    *) return ;;
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  elif [[ -n $words ]] && ((COMP_CWORD == 2)); then
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  elif [[ $files == directories ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -- "$current")
  elif [[ -n $files ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -- "$current"; compgen -f -X "!$files" -- "$current")
  fi
}
complete -F _rpmyard rpmyard
`;
}

function filesOf({ files }: Command): string {
  return files ?? '';
}

/** The options whose value is of a kind, as a pattern of bash. */
function flagsWhere(isKind: (value: string | undefined) => boolean): string {
  const flags = Object.values<Command>(COMMANDS).flatMap(({ options }) =>
    Object.entries(options)
      .filter(([, { value }]) => isKind(value))
      .flatMap(([long, { short }]) => [`--${long}`, ...(short === undefined ? [] : [`-${short}`])]),
  );
  return [...new Set(flags)].join(' | ');
}
