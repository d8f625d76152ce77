import type { ReadStream } from 'node:fs';
import { DetailedError, type HttpResponse, Upload, type UploadOptions } from 'tus-js-client';

export interface TusUploaded {
  /** Of the last answer: that of a HEAD when the one to the last piece was lost. */
  readonly status: number;
  readonly body: string;
  /** How often it failed and went on. */
  readonly retries: number;
}

/** Uploads with tus-js-client, which begins again after each failure; rejects with the error that it gave up for. */
export async function tusUpload(
  file: Buffer | ReadStream,
  endpoint: string,
  options: Partial<UploadOptions> = {},
): Promise<TusUploaded> {
  let retries = 0;
  const response = await new Promise<HttpResponse>((resolve, reject) => {
    const upload = new Upload(file, {
      endpoint,
      // Of each streak of failures without progress; nginx may lose all that came before a cut. More than any test cuts.
      retryDelays: [0, 50, 100, 200, 400, 800, 800, 800, 800, 800, 800, 800],
      onShouldRetry: (error) => {
        retries += 1;
        const status = error.originalResponse?.getStatus() ?? 0;
        return status === 0 || status >= 500 || status === 409;
      },
      onSuccess: ({ lastResponse }) => resolve(lastResponse),
      onError: reject,
      ...options,
    });
    upload.start();
  });
  return { status: response.getStatus(), body: response.getBody(), retries };
}

/** The answer that made tus-js-client give up. */
export function answerOf(error: unknown): { readonly status: number; readonly body: string } {
  const response = error instanceof DetailedError ? error.originalResponse : null;
  return { status: response?.getStatus() ?? 0, body: response?.getBody() ?? '' };
}
