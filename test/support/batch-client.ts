import { type HttpAnswer, putPackage, sendRequest } from './send-request.ts';

/** One package of a batch's document. */
export interface BatchPackage {
  readonly outcome: string;
  readonly nevra: string;
  readonly sha256: string;
  readonly places: readonly { readonly repository: string; readonly state: string }[];
}

export interface BatchDocument {
  readonly batch: string;
  readonly state: string;
  readonly packageCount: number;
  readonly repositories: readonly string[];
  readonly packages: readonly BatchPackage[];
  readonly refused: readonly { readonly nevra: string; readonly code: string; readonly detail: string }[];
}

/** Uploads a package as a member of a batch. */
export function stage(baseUrl: string, batch: string, bytes: Uint8Array, query = ''): Promise<HttpAnswer> {
  return putPackage(baseUrl, bytes, query, { 'x-batch': batch });
}

export function commit(baseUrl: string, batch: string, query = ''): Promise<HttpAnswer> {
  const path = `/api/v1/batches/${batch}/commit${query === '' ? '' : `?${query}`}`;
  return sendRequest(baseUrl, { method: 'POST', path, headers: { accept: 'application/json' } });
}

export function dropBatch(baseUrl: string, batch: string): Promise<HttpAnswer> {
  const headers = { accept: 'application/json' };
  return sendRequest(baseUrl, { method: 'DELETE', path: `/api/v1/batches/${batch}`, headers });
}

/** Undefined where there is no such batch. */
export async function batchAt(baseUrl: string, batch: string): Promise<BatchDocument | undefined> {
  const answer = await sendRequest(baseUrl, { path: `/api/v1/batches/${batch}` });
  return answer.status === 404 ? undefined : documentOf(answer);
}

export function documentOf(answer: HttpAnswer): BatchDocument {
  return JSON.parse(answer.text);
}
