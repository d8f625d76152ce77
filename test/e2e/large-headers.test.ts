import { describe, expect, it } from 'vitest';
import { CI_TOKEN, startAccessSite } from '../support/access-site.ts';
import { craftRpm } from '../support/craft-rpm.ts';
import { openSocket, readToEnd } from '../support/raw-socket.ts';
import { type Site, startSite } from '../support/run-site.ts';
import { type HttpAnswer, putPackage } from '../support/send-request.ts';

const BYTES = craftRpm();
const asCi = { authorization: `Bearer ${CI_TOKEN}` };

/** An upload with so many bytes of headers, none above 7,000, and a query of so many. */
async function upload(
  { baseUrl }: Site,
  size: { readonly headerBytes: number; readonly queryBytes?: number },
): Promise<HttpAnswer> {
  const { headerBytes, queryBytes = 0 } = size;
  const names = Array.from({ length: Math.ceil(headerBytes / 7000) }, (_, index) => `x-filler-${index}`);
  const filler = Object.fromEntries(names.map((name) => [name, 'x'.repeat(headerBytes / names.length)]));
  const query = queryBytes === 0 ? '' : `releasever=${'9'.repeat(queryBytes)}`;
  return putPackage(baseUrl, BYTES, query, { ...asCi, ...filler });
}

describe('headers of an upload', () => {
  it('arrive whenever nginx takes them, also those that Node alone would find too large', async () => {
    await using site = await startAccessSite('nginx');
    expect(await upload(site, { headerBytes: 24_000 })).toMatchObject({ status: 201 });
    // The service sees the request line twice when nginx asks; such a releasever does not exist.
    const refused = await upload(site, { headerBytes: 21_000, queryBytes: 7900 });
    expect(refused).toMatchObject({ status: 400, text: expect.stringContaining('PARAMETER_INVALID') });
    const tooLarge = { status: 431, text: expect.stringContaining('HEADERS_TOO_LARGE') };
    expect(await upload(site, { headerBytes: 42_000 })).toMatchObject(tooLarge);
    expect(await upload(site, { headerBytes: 10, queryBytes: 9000 })).toMatchObject(tooLarge);
  });

  it('that the service cannot read are no fault of its storage', async () => {
    await using site = await startAccessSite('nginx');
    const socket = await openSocket(site.baseUrl);
    socket.write('PUT /upload HTTP/1.1\r\nHost: repo\r\nX-Bell: \u0007\r\nContent-Length: 1\r\n');
    socket.write('Connection: close\r\n\r\nx');
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 400 [^]*\r\n\r\nERROR REQUEST_MALFORMED: /);
  });

  it('that are too large for the service alone are refused with a code too', async () => {
    await using site = await startSite({ front: 'none' });
    const socket = await openSocket(site.baseUrl);
    const filler = `X-Filler: ${'x'.repeat(70_000)}\r\n`;
    socket.write(`GET /healthz HTTP/1.1\r\nHost: repo\r\n${filler}\r\n`);
    expect(await readToEnd(socket)).toMatch(
      /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n[^]*\r\n\r\nERROR HEADERS_TOO_LARGE: .+ \(.+\)\n$/,
    );
  });
});
