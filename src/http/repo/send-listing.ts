import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { headerText } from '../../base/text/header-text.ts';
import type { LongWork } from '../../base/turns/long-work.ts';
import { compareListed, type ListingOrder } from './listing-order.ts';
import { renderListingEnd, renderListingRows, renderListingTop } from './render-listing.ts';
import { describeEntry, type ListedEntry, namesToList } from './repository-files.ts';

export interface ListingToSend {
  /** Absolute. */
  readonly directory: string;
  /** As the client sees it: `/repo/9/`. */
  readonly urlPath: string;
  readonly order: ListingOrder;
  readonly longWork: LongWork;
}

// About two milliseconds of work.
const ENTRIES_A_PIECE = 500;
// The page may load nothing but its own inline style.
const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/**
 * Sends the page of a directory as it is made, compressed when the client takes that; a large page keeps no other
 * client waiting.
 */
export async function sendListing(
  request: FastifyRequest,
  reply: FastifyReply,
  listing: ListingToSend,
): Promise<FastifyReply> {
  reply.headers({
    'cache-control': 'no-cache',
    'content-security-policy': PAGE_POLICY,
    'content-type': 'text/html; charset=utf-8',
    vary: 'Accept-Encoding',
  });
  const isCompressed = takesGzip(headerText(request.headers['accept-encoding']) ?? '');
  if (isCompressed) reply.header('content-encoding', 'gzip');
  if (request.method === 'HEAD') return reply.send(Readable.from([]));
  const page = Readable.from(renderPage(listing));
  // An error on the way cuts the answer off, which the client sees.
  return reply.send(isCompressed ? pipeline(page, createGzip(), () => undefined) : page);
}

async function* renderPage({ directory, urlPath, order, longWork }: ListingToSend): AsyncGenerator<string> {
  const names = await namesToList(directory);
  const described: (readonly (ListedEntry | undefined)[])[] = [];
  for (let from = 0; from < names.length; from += ENTRIES_A_PIECE) {
    const piece = names.slice(from, from + ENTRIES_A_PIECE);
    described.push(await longWork.piece(() => piece.map((name) => describeEntry(directory, name))));
  }
  const entries = await longWork.piece(() =>
    described
      .flat()
      .filter((entry) => entry !== undefined)
      .toSorted(compareListed(order)),
  );
  yield renderListingTop(urlPath, entries, order);
  for (let from = 0; from < entries.length; from += ENTRIES_A_PIECE)
    yield await longWork.piece(() => renderListingRows(entries.slice(from, from + ENTRIES_A_PIECE)));
  yield renderListingEnd();
}

/** RFC 9110, section 12.5.3. */
function takesGzip(acceptEncoding: string): boolean {
  const given = new Map(
    acceptEncoding.split(',').map((coding) => {
      const [name = '', ...parameters] = coding.split(';').map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='));
      return [name, weight === undefined || Number(weight.slice(2)) > 0] as const;
    }),
  );
  return given.get('gzip') ?? given.get('*') ?? false;
}
