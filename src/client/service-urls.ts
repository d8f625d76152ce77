import { AppError } from '../errors.ts';

/** The URLs of a service, made from the one URL that the user gives. */
export interface ServiceUrls {
  /** The one that `curl -T` takes, without a slash at its end. */
  readonly upload: URL;
  /** `api('uploads/4f5...')`: beside the upload URL, so that a service below a path is found too. */
  readonly api: (path: string) => URL;
}

/**
 * Reads `http://host/upload`. `http://host` stands for the same, and `http://host/rpm` for `http://host/rpm/upload`.
 * @throws AppError PARAMETER_INVALID for what is no such URL, or holds a password.
 */
export function parseServiceUrl(text: string): ServiceUrls {
  const url = URL.parse(text);
  // The text may hold a secret: the message does not repeat it.
  if (url === null || !/^https?:$/.test(url.protocol)) throw invalid('the URL of the service is no http URL');
  if (url.username !== '' || url.password !== '') throw invalid('the URL of the service holds credentials');
  if (url.search !== '' || url.hash !== '') throw invalid('the URL of the service holds a query');
  const path = url.pathname.replace(/\/+$/, '');
  const upload = new URL(path.split('/').includes('upload') ? path : `${path}/upload`, url);
  return { upload, api: (rest) => new URL(`api/v1/${rest}`, upload) };
}

/** The upload URL, or one below it, with the releasever that was asked for. */
export function uploadUrl({ upload }: ServiceUrls, releasever: string | undefined, below = ''): URL {
  const url = new URL(`${upload.pathname}${below}`, upload);
  if (releasever !== undefined) url.searchParams.set('releasever', releasever);
  return url;
}

function invalid(message: string): AppError {
  return new AppError('PARAMETER_INVALID', message, {
    hint: 'Give it as http://repo.example.com/upload; a token goes into RPMYARD_TOKEN or a file, a releasever into --releasever.',
  });
}
