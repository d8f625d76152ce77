import { MIMEType } from 'node:util';

// RFC 2046, section 5.1.1: 1 to 70 of these characters, of which the last is no space.
const BOUNDARY = /^[\w'()+,\-./:=? ]{0,69}[\w'()+,\-./:=?]$/;

/** The boundary that the type of a form names, the first where it names two; undefined when it is no form or has none. */
export function formBoundary(contentType: string | undefined): string | undefined {
  const type = readMimeType(contentType ?? '');
  if (type?.essence !== 'multipart/form-data') return undefined;
  const boundary = type.params.get('boundary') ?? '';
  return BOUNDARY.test(boundary) ? boundary : undefined;
}

/** True for a body in parts, whether it can be read or not. */
export function isForm(contentType: string | undefined): boolean {
  return /^\s*multipart\//i.test(contentType ?? '');
}

function readMimeType(text: string): MIMEType | undefined {
  try {
    return new MIMEType(text);
  } catch {
    return undefined;
  }
}
