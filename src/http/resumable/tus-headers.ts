import type { FastifyReply, FastifyRequest } from 'fastify';
import { headerText } from '../../base/text/header-text.ts';
import { AppError } from '../../errors.ts';

/** Whether a request has a body, as far as its headers say. */
export function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** A number of bytes; undefined for a text that is none. */
export function readBytes(value: string | string[] | undefined): number | undefined {
  const text = headerText(value) ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Tells the client until when an unfinished upload is kept. */
export function sayExpiry(reply: FastifyReply, expiresAtMs: number): FastifyReply {
  return reply.header('upload-expires', new Date(expiresAtMs).toUTCString());
}

/** An error for a request that does not follow the protocol. */
export function malformed(detail: string): AppError {
  return new AppError('PARAMETER_INVALID', detail, {
    hint: 'Correct the request; docs/http.md shows how an upload is resumed.',
  });
}
