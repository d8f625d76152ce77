import type { IncomingHttpHeaders } from 'node:http';
import { headerText } from '../../base/text/header-text.ts';
import { asStrongTag, splitEntityTags } from '../entity-tags.ts';
import { type ByteRange, readRanges } from './read-ranges.ts';

/** The facts of a file that conditions of a request are compared with. */
export interface FileVersion {
  readonly sizeBytes: number;
  /** Seconds since 1970. */
  readonly modifiedSeconds: number;
  readonly etag: string;
}

/** What a client gets of a file. */
export type FileAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'precondition-failed' }
  | { readonly kind: 'range-outside' }
  | { readonly kind: 'parts'; readonly ranges: readonly ByteRange[] };

/**
 * What the answer to a GET with these headers is. It is what nginx answers, so that clients and caches may change from
 * one to the other. nginx follows RFC 9110, but If-Modified-Since names exactly the time, and If-None-Match beside it
 * does not make it void (`ngx_http_not_modified_filter_module.c`, `ngx_http_range_filter_module.c`).
 */
export function answerConditions(headers: IncomingHttpHeaders, file: FileVersion): FileAnswer {
  const unmodifiedSince = headers['if-unmodified-since'];
  if (unmodifiedSince !== undefined && !((readHttpTime(unmodifiedSince) ?? -1) >= file.modifiedSeconds))
    return { kind: 'precondition-failed' };
  const match = headers['if-match'];
  if (match !== undefined && match !== '*' && !splitEntityTags(match).includes(file.etag))
    return { kind: 'precondition-failed' };
  if (isKnown(headers, file)) return { kind: 'not-modified' };
  return answerRange(headers, file);
}

function isKnown(headers: IncomingHttpHeaders, { etag, modifiedSeconds }: FileVersion): boolean {
  const modifiedSince = headers['if-modified-since'];
  const noneMatch = headers['if-none-match'];
  if (modifiedSince === undefined && noneMatch === undefined) return false;
  if (modifiedSince !== undefined && readHttpTime(modifiedSince) !== modifiedSeconds) return false;
  if (noneMatch === undefined || noneMatch === '*') return true;
  // A cache on the way may have made the tag a weak one.
  return splitEntityTags(noneMatch).some((given) => asStrongTag(given) === etag);
}

function answerRange(headers: IncomingHttpHeaders, file: FileVersion): FileAnswer {
  const given = /^bytes=(?<list>.+)$/is.exec(headers.range ?? '')?.groups?.['list'];
  if (given === undefined || !isSameVersion(headerText(headers['if-range']), file)) return { kind: 'whole' };
  const ranges = readRanges(given, file.sizeBytes);
  if (ranges === 'outside') return { kind: 'range-outside' };
  return ranges === 'whole' ? { kind: 'whole' } : { kind: 'parts', ranges };
}

function isSameVersion(ifRange: string | undefined, file: FileVersion): boolean {
  if (ifRange === undefined) return true;
  return /.+"$/s.test(ifRange) ? ifRange === file.etag : readHttpTime(ifRange) === file.modifiedSeconds;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const IMF_OR_RFC850 =
  /^[^,]*, *(?<day>\d\d)(?<between>[ -])(?<month>[A-Z][a-z]{2})\k<between>(?<year>\d{4}|\d\d) (?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)/;
const ASCTIME =
  /^[^, ]+ +(?<month>[A-Z][a-z]{2}) +(?<day>\d\d?) (?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d) (?<year>\d{4})/;

/** Seconds since 1970 of a date in one of HTTP's three forms (RFC 9110, section 5.6.7). */
function readHttpTime(text: string): number | undefined {
  const groups = (IMF_OR_RFC850.exec(text) ?? ASCTIME.exec(text))?.groups;
  const { day, month = '', year = '', hour, minute, second } = groups ?? {};
  const monthIndex = MONTHS.indexOf(month);
  if (monthIndex < 0) return undefined;
  const century = year.length > 2 ? 0 : Number(year) < 70 ? 2000 : 1900;
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  const ms = Date.UTC(Number(year) + century, monthIndex, Number(day), h, m, s);
  return h < 24 && m < 60 && s < 60 && new Date(ms).getUTCMonth() === monthIndex ? ms / 1000 : undefined;
}
