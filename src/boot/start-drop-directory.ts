import type { Logger } from 'pino';
import type { Config } from '../base/config/load.ts';
import { STALL_MS } from '../http/upload-options.ts';
import { checkStart } from '../intake/check-start.ts';
import type { IncomingFiles } from '../intake/incoming-files.ts';
import { type DropDirectory, openDropDirectory } from '../intake/open-drop-directory.ts';
import { streamToSpool } from '../intake/stream-to-spool.ts';
import type { AuditLog } from '../trust/audit-log.ts';
import { createRefusalBudgets } from '../trust/refusal-budgets.ts';
import { createRequester } from '../trust/requester.ts';
import { createRights } from '../trust/rights.ts';
import type { Pipeline } from './open-pipeline.ts';
import type { Tree } from './open-tree.ts';

/** Takes dropped files in. Undefined when the configuration names no directory. */
export function startDropDirectory(
  { dropDirectory: dropped, server }: Config,
  parts: {
    readonly tree: Tree;
    readonly pipeline: Pipeline;
    readonly auditLog: AuditLog;
    readonly incomingFiles: IncomingFiles;
    readonly log: Logger;
  },
): DropDirectory | undefined {
  if (dropped === undefined) return undefined;
  const { tree, pipeline, auditLog, incomingFiles, log } = parts;
  const requester = createRequester({
    kind: 'drop',
    name: 'directory',
    rights: createRights({ upload: dropped.upload }),
    isProven: true,
  });
  const now = Date.now;
  const { maxUploadBytes } = server;
  const budgets = createRefusalBudgets(now);
  return openDropDirectory({
    path: dropped.path,
    rules: dropped,
    take: {
      maxUploadBytes,
      checkStart,
      spool: (body) =>
        streamToSpool(body, tree.folders, { maxUploadBytes, stallMs: STALL_MS, room: pipeline.bodyRoom }),
      requester,
      ingest: pipeline.ingest,
      removeIncoming: incomingFiles.remove,
    },
    report: {
      audit: (facts) => {
        const who = 'drop directory';
        const leftOut = budgets.take(who, facts.outcome);
        if (leftOut !== undefined)
          auditLog.write({ time: new Date(now()).toISOString(), who, ...facts, ...leftOut });
      },
      countUpload: pipeline.metrics.countUpload,
      log,
      now,
    },
  });
}
