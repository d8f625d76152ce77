import type { Logger } from 'pino';
import type { UploadOutcome } from '../../api/upload-outcome.ts';
import { createLineBudgets, type LineBudgets } from '../../base/limits/line-budget.ts';
import type { AppError } from '../../errors.ts';
import type { AuditFacts } from '../../trust/audit-log.ts';
import { type DroppedFile, describeOrigin } from './dropped-file.ts';
import type { RefusedDrop } from './move-to-rejected.ts';

/** Whom the drop directory tells what becomes of its files. */
export interface DropReportParts {
  readonly audit: (facts: AuditFacts & { readonly ownerUid: number }) => void;
  /** Called for every attempt, with 'created', 'unchanged' or the error code, and the accepted bytes. */
  readonly countUpload: (outcome: string, sizeBytes: number) => void;
  readonly log: Logger;
  readonly now: () => number;
}

// Files that are refused can be dropped as fast as they can be made. The reason lies beside each of them too.
const LOGGED = { burst: 500, perMinute: 20 };

/** Counts, logs and audits what becomes of dropped files. */
export class DropReport {
  readonly #parts: DropReportParts;
  readonly #lines: LineBudgets<'all'>;

  constructor(parts: DropReportParts) {
    this.#parts = parts;
    this.#lines = createLineBudgets<'all'>(LOGGED, 'notLogged', parts.now);
  }

  noteTaken(file: DroppedFile, outcome: UploadOutcome): void {
    const { nevra, sha256, sizeBytes, warnings, places } = outcome;
    const { audit, countUpload, log } = this.#parts;
    const repositories = places.map(({ repository }) => repository);
    const facts = { ...describeOrigin(file), nevra, sha256, sizeBytes, repositories };
    countUpload(outcome.outcome, sizeBytes);
    audit({ outcome: outcome.outcome, ...facts });
    log.info({ ...facts, ...(warnings && { warnings }) }, `package ${outcome.outcome}`);
  }

  noteRefused(file: DroppedFile, { error, sha256 }: RefusedDrop): void {
    const { code, message, hint } = error;
    const { audit, countUpload, log } = this.#parts;
    const facts = { ...describeOrigin(file), ...(sha256 !== undefined && { sha256 }) };
    countUpload(code, 0);
    audit({ outcome: code, detail: message, ...facts });
    this.#tell((more) =>
      log.warn({ ...facts, code, detail: message, hint, ...more }, 'dropped file refused'),
    );
  }

  /** Counts an attempt that failed; the file stays. */
  countFailure(fault: AppError): void {
    this.#parts.countUpload(fault.code, 0);
  }

  /** @param facts name the file. */
  noteStays(facts: object, fault: AppError): void {
    const { code, hint } = fault;
    this.#tell((more) =>
      this.#parts.log.error({ ...facts, code, hint, err: fault, ...more }, 'dropped file stays where it is'),
    );
  }

  /** `notLogged` of a line says how many were left out before it. */
  #tell(log: (more: { readonly notLogged?: number }) => void): void {
    const leftOut = this.#lines.take('all');
    if (leftOut !== undefined) log(leftOut);
  }
}
