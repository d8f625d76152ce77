import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { AppError } from '../../errors.ts';
import { headerText } from '../../base/text/header-text.ts';
import type { AskedRequest } from '../../trust/access.ts';
import { changesNothing } from './changes-nothing.ts';

// The values with which a browser describes a request that a page of this service made, or its user (an address typed
// in). Any other value is refused, also one that is invented later.
// https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
const OWN_SITE = new Set(['same-origin', 'none']);
const WEB = new Set(['http:', 'https:']);

/**
 * Refuses a request that a page of another site makes a browser send: the browser may add credentials that it keeps,
 * and without access rules it can reach a service that only this machine should reach. Programs send neither Origin nor
 * Sec-Fetch-Site and are not affected.
 * @param publicUrl how clients reach the service; pages from there may change things.
 * @throws AppError CROSS_SITE_REFUSED.
 * @see https://fetch.spec.whatwg.org/#origin-header
 */
export function refuseCrossSite(
  { method, headers }: Pick<AskedRequest, 'method' | 'headers'>,
  publicUrl: string,
): void {
  if (changesNothing(method) || !isCrossSite(headers, publicUrl)) return;
  const { origin = 'none', 'sec-fetch-site': site = 'none' } = headers;
  throw new AppError(
    'CROSS_SITE_REFUSED',
    `a page of another site sent this (Origin: ${origin}, Sec-Fetch-Site: ${site})`,
    { hint: 'Send it from a page below server.public_url, or with a program such as curl.' },
  );
}

/** Whether a page of another site made a browser send this. */
export function isCrossSite(headers: IncomingHttpHeaders, publicUrl: string): boolean {
  const origin = headerText(headers.origin);
  const site = headerText(headers['sec-fetch-site']);
  return !isOwnSite(site, origin) || (origin !== undefined && !isOwnOrigin(origin, headers, publicUrl));
}

/** `same-site` is another port or a neighbouring name: then Origin decides, which a browser always sends in this case. */
function isOwnSite(site: string | undefined, origin: string | undefined): boolean {
  if (site === 'same-site') return origin !== undefined;
  return site === undefined || OWN_SITE.has(site);
}

/**
 * An IP address on which Origin and Host agree is the service's own too: it leads here whatever public_url says. A name
 * on which they agree is not: its owner can point it to this service while a page of that name is open (DNS rebinding).
 */
function isOwnOrigin(text: string, headers: IncomingHttpHeaders, publicUrl: string): boolean {
  const origin = URL.parse(text);
  if (origin === null || !WEB.has(origin.protocol)) return false;
  if (origin.origin === URL.parse(publicUrl)?.origin) return true;
  const host = URL.parse(`${origin.protocol}//${headers.host ?? ''}`);
  if (host === null || host.hostname !== origin.hostname || !leadsHere(host.hostname)) return false;
  // nginx passes the host without its port.
  return host.port === '' || host.port === origin.port;
}

/** No name server decides where an IP address leads. */
function leadsHere(hostname: string): boolean {
  return hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}
