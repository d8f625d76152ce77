import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { ReceiptDocument } from '../../api/repository-documents.ts';
import type { Receipt } from '../../storage/records.ts';
import type { RepositoryOptions } from '../repository-options.ts';
import type { RepositoryName } from '../../rpm/repository-name.ts';

type ReceiptSource = Pick<RepositoryOptions, 'receiptsAfter'>;

const JSON_TYPE = 'application/json; charset=utf-8';

/** Sends every package that was uploaded to a repository, in pieces, as it may be megabytes and any client may ask for it. */
export function sendPackages(
  reply: FastifyReply,
  repository: RepositoryName,
  source: ReceiptSource,
): FastifyReply {
  return reply.type(JSON_TYPE).send(Readable.from(packagesDocument(repository, source)));
}

async function* packagesDocument(
  repository: RepositoryName,
  { receiptsAfter }: ReceiptSource,
): AsyncGenerator<string> {
  yield `{"repository":${JSON.stringify(repository)},"packages":[`;
  let last = '';
  for (;;) {
    const receipts = await receiptsAfter(repository, last);
    const texts = receipts.map((receipt) => JSON.stringify(describeReceipt(receipt)));
    if (texts.length > 0) yield `${last === '' ? '' : ','}${texts.join()}`;
    else return yield ']}';
    last = receipts.at(-1)?.location ?? '';
  }
}

function describeReceipt(receipt: Receipt): ReceiptDocument {
  const { location, nevra, sha256, sizeBytes, placedAtMs, publishedAtMs, receivedSha256, signature } =
    receipt;
  return {
    location,
    nevra,
    sha256,
    sizeBytes,
    placedAt: new Date(placedAtMs).toISOString(),
    publishedAt: publishedAtMs === undefined ? null : new Date(publishedAtMs).toISOString(),
    ...(receivedSha256 !== undefined && { receivedSha256 }),
    ...(signature !== undefined && { signature }),
  };
}
