import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';
import { AppError } from '../errors.ts';

/** The version of nginx/http.conf and nginx/server.conf that belongs to this service. */
export const NGINX_VERSION = 1;

/** The nginx in front, as far as its requests show. */
export interface NginxInFront {
  /** Called with the headers of each request. */
  readonly note: (headers: IncomingHttpHeaders) => void;
  /** NGINX_OUTDATED; undefined when nginx has the files of this version, or no request came through it yet. */
  readonly findFault: () => AppError | undefined;
}

// After a reload old workers go on until their uploads end. They are ignored while new workers send requests too.
const SETTLED_MS = 600_000;
/** The header that server.conf sends, and names in Connection as a header of that connection. */
const VERSION_HEADER = 'x-rpmyard-nginx';
const HINT =
  'Run "nginx -t && systemctl reload nginx"; when this stays, /etc/nginx/conf.d/rpmyard.conf does not include the files of this version yet: docs/operations.md, "The files of nginx", has the commands.';

/**
 * Remembers whether the nginx in front has an old configuration, and logs each change.
 * @param now milliseconds.
 */
export function createNginxInFront(log: FastifyBaseLogger, now: () => number): NginxInFront {
  let fault: AppError | undefined;
  let oldVersion: number | undefined;
  let seenTodaysMs = -Infinity;

  function noteTodays(): void {
    seenTodaysMs = now();
    if (fault === undefined) return;
    fault = undefined;
    oldVersion = undefined;
    log.info('the nginx in front has the configuration of this version');
  }

  return {
    findFault: () => fault,
    note: (headers) => {
      // A command on this machine speaks to the socket itself.
      if (headers['x-forwarded-for'] === undefined) return;
      const version = versionIn(headers);
      // A newer version waits for the service to be restarted.
      if (version >= NGINX_VERSION) return noteTodays();
      if (version === oldVersion || now() - seenTodaysMs < SETTLED_MS) return;
      oldVersion = version;
      fault = outdated(version);
      log.warn({ code: fault.code, hint: fault.hint }, fault.message);
    },
  };
}

/**
 * 0 for files from before there was a version. The header counts only where Connection names it: every version of the nginx
 * files writes a Connection of its own, so a client's header does not count, also behind files that pass it on.
 */
function versionIn({ connection, [VERSION_HEADER]: version }: IncomingHttpHeaders): number {
  if (connection?.toLowerCase() !== VERSION_HEADER) return 0;
  return typeof version === 'string' && /^\d{1,6}$/.test(version) ? Number(version) : 0;
}

function outdated(version: number): AppError {
  const found =
    version === 0
      ? 'one from before its files had versions'
      : `version ${version} of the files that it includes`;
  return new AppError(
    'NGINX_OUTDATED',
    `the nginx in front has an old configuration: expected version ${NGINX_VERSION} of http.conf and server.conf, found ${found}`,
    { hint: HINT },
  );
}
