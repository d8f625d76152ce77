import type { ErrorCode } from '../../errors.ts';
import type { Answer } from '../open-connection.ts';
import { parseJson } from '../parse-json.ts';
import { failureOfAnswer, unexpected } from '../push-failure.ts';
import type { DigestedFile, PushOptions } from '../push-options.ts';
import { ASK_FROM_BYTES, uploadHeaders } from './put-file.ts';
import { type Outcome, readOutcome } from '../read-answer.ts';
import { uploadUrl } from '../service-urls.ts';
import type { Attempt } from './with-retries.ts';

const VERSION = { 'tus-resumable': '1.0.0' };
// nginx limits a body (4 GiB in the shipped configuration).
const MAX_PATCH_BYTES = 1024 * 1024 * 1024;
const NOT_OFFERED = new Set([404, 405, 501]);
const GONE = new Set([404, 410]);
// Earlier uploads of this client were never ended; the service takes the package itself.
const QUOTA: ErrorCode = 'QUOTA_REACHED';

/** One upload in pieces (tus 1.0.0, https://tus.io/protocols/resumable-upload). It remembers how much arrived. */
export class ResumableUpload {
  readonly #file: DigestedFile;
  readonly #options: PushOptions;
  readonly #onSent: (positionBytes: number) => void;
  #location: URL | undefined;
  #highestOffset = 0;

  constructor(file: DigestedFile, options: PushOptions, onSent: (positionBytes: number) => void) {
    this.#file = file;
    this.#options = options;
    this.#onSent = onSent;
  }

  /**
   * Begins the upload or goes on, up to the end.
   * @returns undefined when the service takes no resumable uploads, or no more of them from this client.
   * @throws PushFailure for an answer that stops it; the error of the connection.
   */
  async run(attempt: Attempt): Promise<Outcome | undefined> {
    let offset = await this.#findOffset();
    while (offset !== undefined) {
      if (offset > this.#highestOffset) attempt.noteProgress();
      this.#highestOffset = Math.max(this.#highestOffset, offset);
      const answer = await this.#patch(offset);
      if (answer.status !== 204) return this.#readLast(answer);
      const next = readOffset(answer);
      if (next <= offset) throw unclear(`an offset above ${offset}`, String(next));
      offset = next;
    }
    return undefined;
  }

  /** How many bytes the service has; undefined when it has no resumable uploads. */
  async #findOffset(): Promise<number | undefined> {
    if (this.#location !== undefined) {
      const answer = await this.#options.exchange({ method: 'HEAD', url: this.#location, headers: VERSION });
      const offset = answer.status === 200 ? readOffset(answer) : undefined;
      // The service has all of it and accepted it, but cannot tell any more where it went. Sent again it is the same
      // package.
      if (offset !== undefined && offset < this.#file.sizeBytes) return offset;
      if (offset === undefined && !GONE.has(answer.status)) throw failureOfAnswer(answer);
    }
    this.#location = await this.#create();
    return this.#location === undefined ? undefined : 0;
  }

  async #create(): Promise<URL | undefined> {
    const { urls, exchange, terms } = this.#options;
    const url = uploadUrl(urls, terms.releasever, '/resumable');
    const headers = {
      ...VERSION,
      ...uploadHeaders(this.#file, terms.batchId),
      'upload-length': this.#file.sizeBytes,
    };
    const answer = await exchange({ method: 'POST', url, headers: { ...headers, 'content-length': 0 } });
    if (NOT_OFFERED.has(answer.status) || readCode(answer) === QUOTA) return undefined;
    if (answer.status !== 201) throw failureOfAnswer(answer);
    const created = URL.parse(answer.headers.location ?? '', url.href);
    // The client sends the token to that URL with every piece.
    if (answer.headers.location === undefined || created?.origin !== url.origin) {
      throw unclear(`a Location at ${url.origin}`, answer.headers.location);
    }
    return created;
  }

  async #patch(offset: number): Promise<Answer> {
    if (this.#location === undefined) throw new Error('expected an upload that was begun');
    const sizeBytes = Math.min(this.#file.sizeBytes - offset, MAX_PATCH_BYTES);
    const isAskedFor = sizeBytes >= ASK_FROM_BYTES;
    return this.#options.exchange({
      method: 'PATCH',
      url: this.#location,
      headers: { ...VERSION, 'upload-offset': offset, 'content-type': 'application/offset+octet-stream' },
      body: { path: this.#file.path, start: offset, sizeBytes, isAskedFor, onSent: this.#onSent },
    });
  }

  /** The answer to a piece when it does not ask for more. */
  #readLast(answer: Answer): Outcome {
    const isLost = GONE.has(answer.status);
    if (isLost) this.#location = undefined;
    if (!isLost && !isWrongOffset(answer)) return readOutcome(answer);
    throw unexpected({
      detail: isLost
        ? 'the service does not know the begun upload any more'
        : 'the service has another part of it',
      hint: 'It is sent again from where that is possible.',
      kind: 'passing',
    });
  }
}

/** The service may refuse a package with 409 too; sending it again would then never end. */
function isWrongOffset({ status, text }: Answer): boolean {
  if (status !== 409) return false;
  return readCode({ text })?.includes('OFFSET') ?? true;
}

/** The code of a problem document. */
function readCode({ text }: Pick<Answer, 'text'>): string | undefined {
  const problem = parseJson(text);
  const code =
    typeof problem === 'object' && problem !== null && 'code' in problem ? problem.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

function readOffset({ headers }: Answer): number {
  const value = headers['upload-offset'];
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value);
  throw unclear('an Upload-Offset', value?.toString());
}

function unclear(expected: string, found = 'none'): Error {
  return unexpected({
    detail: `expected ${expected} in the answer to a resumable upload, found ${found}`,
    hint: 'Check what lies before the service, such as a proxy that changes headers.',
    kind: 'unreachable',
  });
}
