import type { Exchanged } from './scripted-server.ts';
import { outcomeOf } from './push-options.ts';

/** What a resumable upload (tus 1.0.0) meets on the way. */
export interface TusFaults {
  /** Breaks the connection of a piece once the service has so many bytes in all, once each. */
  readonly cutAt?: readonly number[];
  /** Forgets every upload at the first such cut. */
  readonly isForgetful?: boolean;
  /** Answers the last piece and gives true; false: the package is accepted. */
  readonly last?: (exchanged: Exchanged) => boolean;
}

/** A fake of the service's resumable uploads: counts bytes instead of keeping them. */
export function createFakeTus(faults: TusFaults = {}): (exchanged: Exchanged) => Promise<void> {
  const uploads = new Map<string, { readonly length: number; readonly sha256: string; offset: number }>();
  const cuts = [...(faults.cutAt ?? [])];

  return async (exchanged) => {
    const { seen, request, response, answer, cut } = exchanged;
    const path = seen.path.split('?')[0] ?? '';
    if (seen.method === 'GET') return answer(404, {});
    if (seen.method === 'POST' && path === '/upload/resumable') {
      const id = `resumable/${uploads.size}`;
      const sha256 = String(seen.headers['x-checksum-sha256']);
      uploads.set(`/upload/${id}`, { length: Number(seen.headers['upload-length']), sha256, offset: 0 });
      return answer(201, undefined, { location: id });
    }
    const upload = uploads.get(path);
    if (upload === undefined)
      return answer(404, { code: 'NOT_FOUND', detail: 'no such upload', hint: 'begin anew' });
    if (seen.method === 'HEAD') return answer(200, undefined, { 'upload-offset': String(upload.offset) });
    if (Number(seen.headers['upload-offset']) !== upload.offset) {
      return answer(409, { code: 'UPLOAD_OFFSET_WRONG', detail: 'not there', hint: 'ask' });
    }
    if (request.headers.expect !== undefined) response.writeContinue();
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) throw new TypeError('expected bytes');
      seen.receivedBytes += chunk.length;
      // The last byte counts when the package is accepted.
      upload.offset = Math.min(upload.offset + chunk.length, upload.length - 1);
      const [next] = cuts;
      if (next === undefined || upload.offset < next) continue;
      cuts.shift();
      if (faults.isForgetful) uploads.clear();
      return cut();
    }
    if (upload.offset < upload.length - 1) {
      return answer(204, undefined, { 'upload-offset': String(upload.offset) });
    }
    if (faults.last?.(exchanged)) return;
    upload.offset = upload.length;
    return answer(201, outcomeOf(upload.sha256, 'created'), { 'upload-offset': String(upload.length) });
  };
}
