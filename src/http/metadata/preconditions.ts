import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../errors.ts';
import { headerText } from '../../base/text/header-text.ts';
import { asStrongTag, splitEntityTags } from '../entity-tags.ts';

/** Entity tags as `If-Match` and `If-None-Match` list them, without the `W/` that a cache in between may add; `*` is any. */
type Tags = readonly string[] | '*';

export interface Preconditions {
  readonly ifMatch: Tags | undefined;
  readonly ifNoneMatch: Tags | undefined;
}

// Source: RFC 9110, 8.8.3 and 13.1.
const TAG = /^"[\x21\x23-\x7e\x80-\xff]*"$/;

/** @throws AppError PARAMETER_INVALID: a condition that is not understood must not be passed over. */
export function readPreconditions(headers: IncomingHttpHeaders): Preconditions {
  return {
    ifMatch: readTags('If-Match', headerText(headers['if-match'])),
    ifNoneMatch: readTags('If-None-Match', headerText(headers['if-none-match'])),
  };
}

/** Whether a request has a condition at all. */
export function isConditional({ ifMatch, ifNoneMatch }: Preconditions): boolean {
  return ifMatch !== undefined || ifNoneMatch !== undefined;
}

/**
 * For a request that changes something.
 * @param etag of what is there; undefined when there is nothing.
 * @throws AppError PRECONDITION_FAILED.
 */
export function demandPreconditions({ ifMatch, ifNoneMatch }: Preconditions, etag: string | undefined): void {
  demandMatch(ifMatch, etag);
  if (ifNoneMatch === undefined || !includes(ifNoneMatch, etag)) return;
  throw failed(`If-None-Match allows the change only when there is none; there is ${etag ?? 'nothing'}`);
}

/** For a request that reads: whether its sender has this version. @throws AppError PRECONDITION_FAILED. */
export function isNotModified({ ifMatch, ifNoneMatch }: Preconditions, etag: string): boolean {
  demandMatch(ifMatch, etag);
  return ifNoneMatch !== undefined && includes(ifNoneMatch, etag);
}

function demandMatch(ifMatch: Tags | undefined, etag: string | undefined): void {
  if (ifMatch === undefined || includes(ifMatch, etag)) return;
  throw failed(`If-Match names another version than the one that is there: ${etag ?? 'there is none'}`);
}

function includes(tags: Tags, etag: string | undefined): boolean {
  if (etag === undefined) return false;
  return tags === '*' || tags.includes(etag);
}

function readTags(name: string, text: string | undefined): Tags | undefined {
  if (text === undefined) return undefined;
  if (text.trim() === '*') return '*';
  return splitEntityTags(text).map((item) => {
    const tag = asStrongTag(item);
    if (TAG.test(tag)) return tag;
    throw new AppError('PARAMETER_INVALID', `${name} is no list of entity tags`, {
      hint: `Write it as the header ETag of an answer has it, with the quotes: ${name}: "abc".`,
    });
  });
}

function failed(detail: string): AppError {
  return new AppError('PRECONDITION_FAILED', detail, {
    hint: 'GET what is there now, make your change to that, and send it with the ETag of that answer.',
  });
}
