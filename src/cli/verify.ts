import { existsSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { printable } from '../errors.ts';
import { openRepositories } from '../storage/open-storage.ts';
import { createRepositoryLayout } from '../storage/repository-layout.ts';
import { pathsBelow } from '../storage/tree-folders.ts';
import { openSigner } from '../boot/open-tree.ts';
import { isOwnIndex } from '../indexing/own-index.ts';
import { openMetadata } from '../base/unpack/open-metadata.ts';
import { readMarks } from '../storage/marks.ts';
import { verifyLeftovers } from '../indexing/verify-leftovers.ts';
import { type RepositoryReport, verifyRepository } from '../indexing/verify-repository.ts';
import { type Violation, toViolation } from '../indexing/violation.ts';
import { becomeOwner } from './become-owner.ts';
import { checkNamed } from './check-named.ts';
import { VERIFY } from './commands.ts';
import { expandGlobs } from './expand-globs.ts';
import { openReindexer } from './open-reindexer.ts';
import { openVerifyRecords } from './open-verify-records.ts';
import { counted } from './progress-bar.ts';
import { type CommandConfig, listFolders, readConfig, treeLine } from './read-config.ts';
import { reindexOne } from './reindex.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { demandRepository, demandTree } from './tree-missing.ts';
import type { RepositoryName } from '../rpm/repository-name.ts';

interface VerifyReport {
  readonly repositories: readonly RepositoryReport[];
  readonly leftovers: readonly Violation[];
}

/** `rpmyard verify [REPO...]`: compares packages, indexes and records; changes nothing without --repair. */
export async function verify(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: VERIFY.options,
    allowPositionals: true,
  });
  const config = readConfig(values);
  demandTree(config);
  // gpg makes files in the GNUPGHOME as the user that runs it, and so does a repair in the tree.
  becomeOwner(listFolders(config));
  // A repair must not record as acknowledged a package that the disk has damaged.
  const readData = values['read-data'] === true || values.repair === true;
  let report = await verifyTree(config, { named: positionals, readData });
  if (values.repair && listErrors(report).length > 0) {
    await repair(config, report);
    report = await verifyTree(config, { named: positionals, readData });
  }
  const isSound = listErrors(report).length === 0;
  const { topDir } = config;
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ isSound, topDir, ...report })}\n`
      : `${treeLine(config)}${renderReport(report)}`,
  );
  return isSound ? 0 : 1;
}

async function verifyTree(
  config: CommandConfig,
  { named, readData }: { readonly named: readonly string[]; readonly readData: boolean },
): Promise<VerifyReport> {
  await using reader = await openVerifyRecords(config);
  const { isServiceRunning } = reader;
  const folders = pathsBelow({ ...config, spoolDir: config.server.spoolDir });
  const { marksDir } = folders;
  const layout = createRepositoryLayout({ topDir: config.topDir, ...config.layout });
  const repositories = openRepositories(layout);
  await using keyrings = await temporaryFolder('rpmyard-keyrings-');
  const signer = openSigner(config, keyrings.path);

  // A repository that was removed from the disk still has its receipts.
  const known = new Set<RepositoryName>([
    ...(await repositories.list()),
    ...(await reader.listRepositories()),
  ]);
  if (!isServiceRunning) demandRepository([...known], config);
  const inOrder = [...known].toSorted();
  const chosen =
    named.length > 0 ? expandGlobs(named, inOrder).map((one) => checkNamed(one, inOrder)) : inOrder;
  const reports: RepositoryReport[] = [];
  for (const repository of chosen) {
    const { receipts, setAside, packageFaults, lastError } = await reader.read(repository);
    const parts = {
      directoryOf: (name: RepositoryName) => layout.directoryOf(name),
      listPackages: async (name: RepositoryName) =>
        existsSync(layout.directoryOf(name)) ? repositories.listPackages(name) : [],
      signing: signer && {
        findKey: (content: string, signature: string) => signer.findKey(content, signature),
        findMissingKeys: () => signer.findMissingKeys(),
      },
      isOwnIndex,
      openMetadata,
      records: {
        receipts: () => receipts,
        setAside: () => setAside,
        packageFaults: () => packageFaults,
        isMarked: async (name: RepositoryName) => (await readMarks(marksDir)).includes(name),
      },
    };
    const report = await verifyRepository(repository, parts, { readData });
    const failing = lastError === undefined ? [] : [indexRunFailing(repository, lastError)];
    reports.push({ ...report, violations: [...report.violations, ...failing] });
  }
  const leftovers = await verifyLeftovers({ folders, marksDir, isServiceRunning, nowMs: Date.now() });
  return { repositories: reports, leftovers };
}

function indexRunFailing(repository: RepositoryName, detail: string): Violation {
  return toViolation({ code: 'INDEX_RUN_FAILING', subject: 'repodata', detail }, repository);
}

/** Mends every fault that needs no decision: it leaves a repository with other errors as it is. */
async function repair(config: CommandConfig, { repositories }: VerifyReport): Promise<void> {
  const reindexer = await openReindexer(config);
  try {
    for (const { repository, violations } of repositories) {
      const errors = violations.filter(({ severity }) => severity === 'error');
      for (const { subject } of errors.filter(({ cure }) => cure === 'chmod')) {
        await chmod(join(config.topDir, repository, subject), 0o644).catch((error: unknown) =>
          process.stderr.write(`${printable(subject)}: ${printable(String(error))}\n`),
        );
      }
      const cures = new Set(errors.map(({ cure }) => cure));
      if (cures.has('reindex') && !cures.has(undefined)) {
        // Standard output is for the report.
        const request = { trust: 'nothing', isTakeOver: false } as const;
        await reindexOne(repository, request, reindexer, process.stderr);
      }
    }
  } finally {
    await reindexer.close();
  }
}

function listErrors({ repositories, leftovers }: VerifyReport): readonly Violation[] {
  return [...repositories.flatMap(({ violations }) => violations), ...leftovers].filter(
    ({ severity }) => severity === 'error',
  );
}

function renderReport({ repositories, leftovers }: VerifyReport): string {
  if (repositories.length === 0)
    return `there is no repository yet\n${leftovers.map(renderViolation).join('')}`;
  const blocks = repositories.map(({ repository, packageCount, violations }) => {
    const errors = violations.filter(({ severity }) => severity === 'error').length;
    const verdict = errors === 0 ? 'all right' : counted(errors, 'error');
    return `${repository}: ${counted(packageCount, 'package')}, ${verdict}\n${violations.map(renderViolation).join('')}`;
  });
  return `${blocks.join('')}${leftovers.map(renderViolation).join('')}`;
}

function renderViolation({ code, severity, subject, detail, remedy }: Violation): string {
  return `  ${severity} ${code} ${printable(subject)}\n    ${printable(detail)}\n    ${remedy}\n`;
}
