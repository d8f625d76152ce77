import { readFileSync } from 'node:fs';

const PACKAGE = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

export const VERSION = String(PACKAGE.version);

export const GENERAL_HELP = `Rpmyard receives RPM packages over HTTP, sorts them into repositories and keeps
their index current.

Usage: rpmyard <command> [options]

  serve [-c FILE]         run the service; without a file on built-in defaults
  check-config FILE       say everything that is wrong with a configuration file
  inspect FILE.rpm...     say what packages are and where they would go

"rpmyard <command> --help" says more, "rpmyard --version" which version this is.
`;

const NGINX_EXAMPLE = new URL('../../nginx/rpmyard.conf', import.meta.url);

/** The help of each command. */
export const COMMAND_HELP: ReadonlyMap<string, string> = new Map([
  [
    'serve',
    `Usage: rpmyard serve [-c FILE | --config FILE]

Runs the service until SIGTERM or SIGINT. Without a file it takes bodies directly
on 127.0.0.1:5000 and keeps its data under ./var. config.example.yml shows every
option of a file.

The nginx configuration that goes with it (nginx/rpmyard.conf):

${readFileSync(NGINX_EXAMPLE, 'utf8')}`,
  ],
  [
    'check-config',
    `Usage: rpmyard check-config FILE

Names every problem of a configuration file with its path and remedy.
Exit code 0: usable, 1: not.
`,
  ],
  [
    'inspect',
    `Usage: rpmyard inspect FILE.rpm... [--json] [-c FILE] [--releasever VERSION]

Says of each package what it is, whether it would be accepted, and which
repositories it would go to under the configuration (-c) or the defaults.
--json prints one JSON object a line.
Exit code 0: all would be accepted, 1: at least one would not.
`,
  ],
]);
