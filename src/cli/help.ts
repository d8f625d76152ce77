import { readFileSync } from 'node:fs';

const PACKAGE = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

export const VERSION = String(PACKAGE.version);

export const GENERAL_HELP = `Rpmyard receives RPM packages over HTTP, sorts them into repositories and keeps
their index current.

Usage: rpmyard <command> [options]

  serve [-c FILE]         run the service; without a file on built-in defaults
  reindex [REPO...]       bring indexes up to date now
  verify [REPO...]        compare packages, indexes and records
  adopt DIR               take over a tree of packages, or say what that would do
  check-config FILE       say everything that is wrong with a configuration file
  inspect FILE.rpm...     say what packages are and where they would go
  token new NAME          make a token for uploads
  key init                make a key that signs repository metadata

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
    'reindex',
    `Usage: rpmyard reindex [REPO...] [--full] [-c FILE]

Brings the index of each repository (<releasever>/<basearch>; all without a name)
up to date now, also after packages were put into the tree by hand. It goes
through the running service, or does the work itself when none runs.
--full reads every package again, whatever the index says of it.
Exit code 0: all are published, 1: at least one is not.
`,
  ],
  [
    'verify',
    `Usage: rpmyard verify [REPO...] [--read-data] [--repair] [--json] [-c FILE]

Compares the packages of each repository with its index and the records, checks
every metadata file, and looks for leftovers. Names each violation with its
remedy. Changes nothing without --repair; works beside a running service.
--read-data reads every package too and compares its digest.
--repair reads the data, builds indexes anew that are at fault and corrects
modes. It never removes a package, and leaves a repository alone in which a
package itself is damaged or missing.
--json prints one JSON document.
Exit code 0: no errors (notes may be there), 1: errors remain.
`,
  ],
  [
    'adopt',
    `Usage: rpmyard adopt DIR [--apply] [--releasever VERSION] [--json] [-c FILE]

Takes over the packages below DIR, however they lie there, and the comps,
updateinfo, modules and so on of their repodata. Without --apply it only says
what it found and what would go where; that works beside a running service.
--apply does it, with the service stopped: each package goes the way of an
upload, linked where DIR lies on the same mount and copied elsewhere. DIR stays
as it is. It may be killed and run again. Run it as root (it goes on as the user
that the tree belongs to) or as the user of the service.
--releasever is for packages whose release tag names no distribution and that
lie in no directory <releasever>/<basearch>.
--json prints one JSON document with everything.
Exit code 0: nothing is left to decide, 1: something was refused, is in conflict
or failed.
`,
  ],
  [
    'check-config',
    `Usage: rpmyard check-config FILE

Names every problem of a configuration file with its path and remedy.
Exit code 0: usable, 1: not.
`,
  ],
  [
    'token',
    `Usage: rpmyard token new NAME [--upload GLOB] [--read GLOB] [--delete GLOB]
                         [--admin GLOB]

Prints a new token, only this once, and the entry that gives it rights: put the
entry into access.tokens of the configuration file and restart the service. Each
option names repositories (9/x86_64, '9/*', '*') and may be repeated; without
any the token may upload everywhere. Every right includes read, admin all.
The token is sent with curl -u NAME:TOKEN or as Authorization: Bearer TOKEN.
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
  [
    'key',
    `Usage: rpmyard key init [--another] [-c FILE]

Makes an OpenPGP key (RSA 4096, only for signing, without an end) in the
configured signing.gnupg_home, protected by signing.passphrase_file if there is
one, and prints its fingerprint and the lines for the configuration. Run it as
root or as the user of the service. Keep a copy of the GNUPGHOME: hosts trust
this key.
--another makes one more beside those that are there, to change over to it.
`,
  ],
]);
