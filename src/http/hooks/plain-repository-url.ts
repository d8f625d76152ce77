/**
 * The path of a URL as nginx reads it: decoded, without empty segments, with its dot segments resolved
 * (`ngx_http_parse_complex_uri`, merge_slashes). Bytes that are no UTF-8 become U+FFFD.
 * @param url as it was sent, one character a byte.
 * @returns undefined where nginx answers 400: a percent sign without two digits, a zero byte, more `..` than segments.
 */
export function readUrlPath(url: string): string | undefined {
  const [written = ''] = url.split(/[?#]/, 1);
  if (/%(?![0-9a-f]{2})/i.test(written)) return undefined;
  const bytes = written.replace(/%(?<digits>..)/g, (_escape, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  if (bytes.includes('\0')) return undefined;
  const segments = bytes.split('/');
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '..' && kept.pop() === undefined) return undefined;
    if (segment !== '' && !DOTS.has(segment)) kept.push(segment);
  }
  const last = segments.at(-1) ?? '';
  const end = kept.length > 0 && (last === '' || DOTS.has(last)) ? '/' : '';
  return Buffer.from(`/${kept.join('/')}${end}`, 'latin1').toString();
}

const DOTS = new Set(['.', '..']);
// Paths that can be written in more than one way.
const ODD = /[%#]|\/\/|\/\./;

/**
 * The URL of a path in the tree in its plain spelling, so that the service finds what nginx finds; any other URL as the
 * client sent it.
 */
export function plainRepositoryUrl(url: string): string {
  if (!ODD.test(url)) return url;
  const path = readUrlPath(url);
  if (path === undefined || !/^\/(?:repo(?:\/|$)|rpmyard\.repo$)/.test(path)) return url;
  const query = /\?[^#]*/.exec(url)?.[0] ?? '';
  return path.split('/').map(encodeURIComponent).join('/') + query;
}
