import type { FastifyRequest } from 'fastify';
import type { BodyRoom } from '../intake/body-room.ts';
import type { SpooledUpload } from '../intake/spooled-upload.ts';
import type { UploadOutcome } from '../api/upload-outcome.ts';

/** What the upload routes need from the rest of the service. */
export interface UploadOptions {
  readonly uploadPath: string;
  /** Lower-case name of the header in which nginx passes its spool file; undefined when bodies come directly. */
  readonly uploadHeader: string | undefined;
  readonly maxUploadBytes: number;
  readonly spoolDir: string;
  readonly incomingDir: string;
  readonly room: BodyRoom;
  readonly ingest: (upload: SpooledUpload, request: FastifyRequest) => Promise<UploadOutcome>;
  /** An index is rebuilt when no package came for this long. */
  readonly quietMs: number;
  /** How clients reach the service, without a slash at its end. */
  readonly publicUrl: string;
  /** Answers 'pending' when the time is up first. */
  readonly waitUntilInstallable: (
    outcome: UploadOutcome,
    waitMs: number,
  ) => Promise<UploadOutcome | 'pending'>;
  readonly removeIncoming: (path: string) => void;
  /** Called for every upload, with 'created', 'unchanged', 'staged' or the error code, and the accepted bytes. */
  readonly countUpload: (outcome: string, sizeBytes: number) => void;
}

/** The longest pause between two chunks of a body; nginx gives up on a silent client after 60 s as well. */
export const STALL_MS = 60_000;
