import type { Mutation } from './mutation.ts';

interface Fault extends Pick<Mutation, 'fault' | 'text' | 'replacement' | 'acceptedBecause'> {
  /** Instead of those of the file. */
  readonly tests?: readonly string[];
}

interface FaultyFile {
  readonly file: string;
  readonly tests: readonly string[];
  readonly faults: readonly Fault[];
}

/** A statement that is not there. */
const without = (fault: string, text: string, ...tests: readonly string[]): Fault => ({
  fault,
  text,
  replacement: 'void 0;',
  ...(tests.length > 0 && { tests }),
});

/** Code in the place of other code. */
const instead = (fault: string, text: string, replacement: string, ...tests: readonly string[]): Fault => ({
  fault,
  text,
  replacement,
  ...(tests.length > 0 && { tests }),
});

/** What makes and keeps promises: intake, placing, the queue, index runs, publishing, records, batches, access. */
const FILES: readonly FaultyFile[] = [
  {
    file: 'src/boot/open-tree.ts',
    tests: ['test/boot/open-tree.test.ts'],
    faults: [
      instead('no releasever has zstd', "? 'zstd' : 'gzip'", "? 'gzip' : 'gzip'"),
      instead('zstd is for the releasevers that are not named', "? 'zstd' : 'gzip'", "? 'gzip' : 'zstd'"),
    ],
  },
  {
    file: 'src/intake/ingest-upload.ts',
    tests: ['test/intake/ingest-upload.test.ts'],
    faults: [
      without(
        'a package that is there already is acknowledged without a sync',
        'await parts.places.confirm(targets);',
      ),
      without(
        'the bytes of a new package are not synced',
        "await parts.timed('sync', () => parts.places.prepare(stored.path));",
      ),
      without(
        'a client may make any number of repositories',
        'await parts.admitRepositories(repositories, owner);',
        'test/intake/new-repositories.test.ts',
      ),
      without('the repository is not made', 'await Promise.all(repositories.map(parts.prepareRepository));'),
      instead(
        'two uploads of one name do not wait for each other',
        'takeAllTurns(targets,',
        'takeAllTurns([],',
      ),
    ],
  },
  {
    file: 'src/storage/local/place-and-record.ts',
    tests: ['test/intake/ingest-upload.test.ts'],
    faults: [
      without(
        'what was set aside under the name stays set aside',
        'if (!holdsPackage) await records.takeBack(repository, location);',
      ),
      without('no receipt is written', 'await records.saveReceipts(receipts);'),
      without(
        'the next index run is not told of the package',
        'parts.notePlaced(repository, { location, sha256: file.sha256, step: steps.get(target) });',
      ),
    ],
  },
  {
    file: 'src/intake/ingest/admit-upload.ts',
    tests: ['test/intake/several-places.test.ts'],
    faults: [
      without(
        'the right to upload to the repository is not asked for',
        "for (const repository of repositories) demand(upload.requester, { right: 'upload', in: { repository } });",
      ),
    ],
  },
  {
    file: 'src/storage/local/place-package.ts',
    tests: ['test/storage/local/place-package.test.ts'],
    faults: [
      instead('a directory is taken for a package', 'if (!found.isFile()) {', 'if (found.isFIFO()) {'),
      instead(
        'names are not synced',
        'isThere ? files.sync(target) : files.syncName(target),',
        'isThere ? files.sync(target) : undefined,',
      ),
      instead(
        'bytes that were there are not synced',
        'isThere ? files.sync(target) : files.syncName(target),',
        'files.syncName(target),',
      ),
      instead(
        'any bytes of this name are taken for the package',
        'if (storedSha256 === incoming.sha256) return',
        'if (storedSha256 !== "") return',
      ),
      instead(
        'a damaged file is replaced by any package of its name',
        'if (isDamaged && isSame(incoming, acknowledged)) return',
        'if (isDamaged) return',
      ),
      instead(
        'a link to other bytes is replaced',
        'return found === sha256 || found === receivedSha256;',
        'return found !== "";',
      ),
      instead(
        'a file that appeared since the look is taken for the package',
        'if (step !== undefined) return step;',
        'if (step === undefined || step !== undefined) return { before: "", after: "", isNewName: false } as never;',
      ),
      without(
        'a linked directory of a repository is written into',
        'for (const { repository } of incoming.targets) files.checkDirectories(repository);',
        'test/intake/linked-directories.test.ts',
      ),
      without(
        'a directory that was exchanged while a name was made is not noticed',
        'for (const { target, holdsPackage } of states) checkPlaced(incoming, target, { holdsPackage, files });',
        'test/intake/linked-directories.test.ts',
      ),
    ],
  },
  {
    file: 'src/storage/local/package-files.ts',
    tests: ['test/storage/local/package-files.test.ts'],
    faults: [
      without('bytes are not synced before the name', 'await syncFile(path);'),
      without('the mode of a package stays as it came', 'chmodSync(path, PACKAGE_MODE);'),
      without('a package that was there is not synced', 'await syncFile(placed);'),
      instead('a taken name is an error', "if (errnoOf(error) === 'EEXIST') return undefined;", ''),
    ],
  },
  {
    file: 'src/storage/local/local-publications.ts',
    tests: ['test/indexing/reindex-repository.test.ts'],
    faults: [
      instead(
        'files that are current again count as superseded',
        `records.forgetSuperseded(
      repository,
      repomd.data.map(({ href }) => basename(href)),
    );`,
        'void basename;',
      ),
      without(
        'packages that are published wait for ever',
        'await records.markPublished(repository, packages, now());',
      ),
    ],
  },
  {
    file: 'src/storage/local/local-repositories.ts',
    tests: ['test/storage/local/package-files.test.ts'],
    faults: [
      instead(
        'the names above a repository are not synced',
        'path.length >= layout.topDir.length',
        'path.length >= directory.length',
      ),
    ],
  },
  {
    file: 'src/base/files/durable-files.ts',
    tests: ['test/base/files/durable-files.test.ts'],
    faults: [
      instead(
        'the parents of a new directory are not synced',
        'created.length >= outermost.length',
        'created.length > outermost.length',
      ),
      without('a small file is not synced', 'await file.sync();'),
      without('the new name of a small file is not synced', 'await syncDirectory(directory);'),
      instead(
        'a caller shares the sync that began before it asked',
        'const waiting = next.get(path) ?? current.then(noop, noop).then(() => start(path));',
        'const waiting = current;',
      ),
      instead(
        'a failed sync fails for those who wait for the next one',
        'current.then(noop, noop)',
        'current.then(noop)',
      ),
    ],
  },
  {
    file: 'src/base/turns/take-turns.ts',
    tests: ['test/base/turns/take-turns.test.ts'],
    faults: [
      instead(
        'no task waits for a turn',
        'const before = this.#last.get(key) ?? Promise.resolve();',
        'const before = Promise.resolve();',
      ),
      instead('a failed task fails those behind it', 'before.then(task, task)', 'before.then(task)'),
    ],
  },
  {
    file: 'src/storage/marks.ts',
    tests: ['test/storage/marks.test.ts'],
    faults: [
      without('a mark is not synced', 'await syncDirectory(marksDir);'),
      instead('no mark is taken away', 'await ifThere(unlink(pathOf(repository)));', 'void repository;'),
      instead(
        'a mark that is gone is an error',
        'await ifThere(unlink(pathOf(repository)));',
        'await unlink(pathOf(repository));',
      ),
    ],
  },
  {
    file: 'src/indexing/repository-schedule.ts',
    tests: ['test/indexing/repository-schedule.test.ts'],
    faults: [
      instead(
        'the oldest request never ends',
        'this.#oldestRequestMs = this.#awaited > covers ? this.#waitingSinceMs : undefined;',
        'void 0;',
      ),
      instead(
        'the oldest request ends with any run',
        'this.#oldestRequestMs = this.#awaited > covers ? this.#waitingSinceMs : undefined;',
        'this.#oldestRequestMs = undefined;',
      ),
      instead('a package is placed before its mark is there', 'await this.#mark();', 'void this.#mark();'),
      instead(
        'a mark goes although a package is being placed',
        ' && this.#placing === 0) this.#unmark();',
        ') this.#unmark();',
      ),
      instead(
        'a mark goes although a request came',
        'if (this.#requested === covers && this.#placing',
        'if (this.#placing',
      ),
      instead(
        'a request during a run is covered by it',
        'this.#covered = covers;',
        'this.#covered = this.#requested;',
      ),
      instead(
        'a failed placing leads to no run',
        '      this.#placing -= 1;\n      this.request();',
        '      this.#placing -= 1;',
      ),
      instead(
        'the longest wait is not counted',
        'return this.#isHurried || this.#isQuiet ? 0 : leftOfMaxWaitMs;',
        'return this.#isHurried || this.#isQuiet ? 0 : this.#options.times.maxWaitMs * 2;',
      ),
      instead('the quiet time never ends', 'this.#isQuiet = true;', 'this.#isQuiet = false;'),
      instead(
        'a failed run is retried at once',
        'const pauseMs = this.#failures > 0 ?',
        'const pauseMs = this.#failures < 0 ?',
      ),
      instead('all retries have the first pause', 'this.#isRetryAskedFor ? 1 : this.#failures', '1'),
      instead('a run begins while the repository is held', '|| this.#holders > 0) return;', ') return;'),
      instead(
        'holding does not wait for the run under way',
        'await this.#run;\n      return await task();',
        'return await task();',
      ),
      instead(
        'tasks that hold the repository put a run off for ever',
        'await this.#dueRun?.promise;',
        'void 0;',
      ),
      instead(
        'a failed mark is taken for one',
        'this.#marking.catch(() => {\n        this.#isMarked = false;\n      });',
        'this.#marking.catch(noop);',
      ),
      instead('closing waits for no run', 'await this.#work;', 'void 0;'),
      instead(
        'closing leaves clients that wait waiting',
        "for (const waiter of this.#waiters) waiter.settle('pending');",
        'void 0;',
      ),
    ],
  },
  {
    file: 'src/indexing/pending-changes.ts',
    tests: ['test/indexing/pending-changes.test.ts'],
    faults: [
      instead(
        'a failed run forgets what was placed',
        'since.placed = new Map([...placed, ...since.placed]);',
        'void placed;',
      ),
      instead(
        'a failed run makes the next one trust more',
        'since.trust = pickLeastTrust(since.trust, trust);',
        'void trust;',
      ),
      instead(
        'the first run of a process trusts names',
        "trust: 'files',\n      placed",
        "trust: 'names',\n      placed",
      ),
      instead(
        'what was placed is looked at by each run anew',
        "this.#changes.set(repository, { trust: 'names', placed: new Map(), steps: [], isTakeOver: false });",
        'void 0;',
      ),
    ],
  },
  {
    file: 'src/indexing/reindex-repository.ts',
    tests: ['test/indexing/reindex-repository.test.ts'],
    faults: [
      without('a failed run gives nothing back', 'pending.giveBack(repository, changes);'),
      without(
        'committed batches are not placed before a run',
        'await storage.placeDecided(repository);',
        'test/intake/commit-batch.test.ts',
      ),
      without('packages leave the index of another program unasked', 'demandNoLoss(repository, built);'),
      without(
        'receipts of packages that are gone stay',
        'records.forget(repository, gone, startedAtMs);',
        'test/intake/ingest-upload.test.ts',
      ),
      without(
        'what can be described again stays set aside',
        'for (const location of readmitted) await records.takeBack(repository, location);',
      ),
      instead('packages set aside are not remembered', 'records.setAside(aside);', 'void aside;'),
      instead(
        'a release of zstd is not told to the engine',
        'format: rules.formatOf(repository),\n  };',
        "format: 'gzip',\n  };",
        'test/boot/open-tree.test.ts',
      ),
      instead(
        'a package that is out of the index counts as published',
        'for (const { location } of [...leftOut, ...faulty]) isOut.add(location);',
        'void [leftOut, faulty];',
      ),
    ],
  },
  {
    file: 'src/indexing/prepare-repository.ts',
    tests: ['test/intake/ingest-upload.test.ts'],
    faults: [
      instead(
        'a repository that a person removed is not made anew',
        'prepared.has(repository) && (await repositories.has(repository))',
        'prepared.has(repository)',
      ),
    ],
  },
  {
    file: 'src/storage/local/publish-repodata.ts',
    tests: ['test/storage/local/publish-repodata.test.ts'],
    faults: [
      without('the names in a new generation are not synced', 'await syncDirectory(newGeneration);'),
      instead(
        'the generation is public before its names are synced',
        'await syncDirectory(newGeneration);\n  await rename(newGeneration, join(publicDir, generationName(generation)));',
        'await rename(newGeneration, join(publicDir, generationName(generation)));\n  await syncDirectory(join(publicDir, generationName(generation)));',
      ),
      without('the data files are not synced', 'await syncFile(path);'),
      without('the name of the mirrorlist is not synced', 'await syncDirectory(repositoryDir);'),
      {
        fault: 'the key is renamed behind the signature',
        text: "['repomd.xml.key', 'repomd.xml.asc']",
        replacement: "['repomd.xml.asc', 'repomd.xml.key']",
        acceptedBecause:
          'it shows only to a host that reads in the middle of the first publication with a new key, which no quick test can arrange',
      },
    ],
  },
  {
    file: 'src/storage/local/thin-superseded.ts',
    tests: ['test/storage/local/thin-superseded.test.ts', 'test/storage/generations.test.ts'],
    faults: [
      instead('files younger than an hour go', 'ageMs > ALWAYS_KEPT_MS && (', '('),
      instead('the newest go first', '(a, b) => a.sinceMs - b.sinceMs', '(a, b) => b.sinceMs - a.sinceMs'),
      instead('a generation stays without its files', 'if (!isWhole) removable.add(name);', 'void isWhole;'),
      instead(
        'the generation that the mirrorlist names goes',
        'const kept = [numbers.at(-1), await readMirrorlistGeneration(repositoryDir)];',
        'const kept = [numbers.at(-1)];\n  void readMirrorlistGeneration;',
      ),
    ],
  },
  {
    file: 'src/storage/generations.ts',
    tests: ['test/storage/generations.test.ts'],
    faults: [
      instead(
        'a clock that was set back gives a number again',
        'Math.max(Math.floor(nowMs / 1000), lastSecond) + 1',
        'Math.floor(nowMs / 1000) + 1 + 0 * lastSecond',
      ),
      instead('a generation has the number of the one before', 'lastSecond) + 1;', 'lastSecond);'),
    ],
  },
  {
    file: 'src/storage/local/sqlite-records.ts',
    tests: ['test/storage/local/sqlite-records.test.ts'],
    faults: [
      instead('a nonce is good twice', 'if (this.#hasNonce(keyId, nonce)) return false;', ''),
      instead(
        'a nonce is forgotten as soon as it expires',
        'const graceMs = this.#nonceCount > MAX_EXPIRED_NONCES ? 0 : NONCE_GRACE_MS;',
        'const graceMs = 0 * NONCE_GRACE_MS * MAX_EXPIRED_NONCES;',
      ),
      instead(
        'other bytes than the acknowledged ones count as published',
        "if (published.get(String(row['location'])) !== row['sha256']) continue;",
        "if (!published.has(String(row['location']))) continue;",
      ),
      instead(
        'a receipt is forgotten although the package was placed since',
        ' AND placed_at_ms <= ?',
        ' AND ? > 0',
      ),
      instead(
        'a failed transaction stays open',
        "if (this.#database.isTransaction) this.#run('ROLLBACK');",
        '',
      ),
      instead('a time of publication is set anew', ' AND published_at_ms IS NULL', ''),
      instead(
        'the time of what is superseded is set anew',
        'INSERT OR IGNORE INTO superseded',
        'INSERT OR REPLACE INTO superseded',
      ),
    ],
  },
  {
    file: 'src/storage/local/batch-folders.ts',
    tests: ['test/storage/local/batch-folders.test.ts'],
    faults: [
      without('the name of a batch is not synced', 'await this.#syncShared(this.#batchesDir);'),
      without('the name of a package in a batch is not synced', 'await this.#syncShared(directory);'),
      instead(
        'a batch has no owner',
        'if (isNew) await writeFile(join(directory, BATCH_FILES.owner), owner);',
        'void [isNew, owner];',
      ),
      instead(
        'an index run passes by a batch whose decision could not be synced',
        'this.#unplaced.set(id, repositoriesOf(decided));\n',
        '',
        'test/intake/commit-batch.test.ts',
        'test/storage/local/batch-folders.test.ts',
      ),
      instead(
        'a dropped batch can still be committed while it goes',
        'renameSync(this.#directoryOf(id), dropped);',
        'void 0;',
      ),
      instead(
        'a batch takes any number of packages',
        'if (!isMember && content.packageCount >= this.#memberQuota)',
        'if (false)',
      ),
      instead(
        'a committed batch stays to be placed',
        'this.#unplaced.delete(id);\n    const owner',
        'const owner',
      ),
      instead(
        'batches that are to be placed are forgotten by a restart',
        "if (state === 'committing') this.#unplaced.set(id, repositoriesOf(await readDecision(directory)));",
        "if (state === 'committing') await readDecision(directory);",
      ),
      instead(
        'a batch that is decided counts as staged',
        "if (existsSync(join(directory, BATCH_FILES.decision))) return 'committing';",
        '',
      ),
    ],
  },
  {
    file: 'src/intake/commit-batch.ts',
    tests: ['test/intake/commit-batch.test.ts'],
    faults: [
      without(
        'rights are not asked for anew behind the turn',
        'demandUpload(requester, toBatchAccess(batch));',
      ),
      without('a plain signature commits a batch', 'demandProven(requester);'),
      instead(
        'a batch that changed meanwhile is decided on',
        'if (!isSame(batch, await parts.batches.read(id))) return undefined;',
        'void isSame;',
      ),
      instead(
        'a commit does not wait for the run under way',
        'return await parts.queue.whileHeld(repositories, () =>',
        'return await (async (_: unknown, task: () => Promise<AppError | undefined>) => task())(repositories, () =>',
      ),
      without(
        'a commit makes any number of repositories',
        'await parts.admitRepositories(repositories, nameOwner(requester));',
        'test/intake/new-repositories.test.ts',
      ),
      instead(
        'a package that cannot go there is decided on',
        'if (looked instanceof AppError) return looked;',
        '',
      ),
    ],
  },
  {
    file: 'src/storage/local/local-places.ts',
    tests: ['test/storage/local/local-places.test.ts'],
    faults: [
      instead(
        'a package is placed without a mark',
        'return this.#queue.whileMarked(repositories, () => placeAndRecord(placements, this.#parts));',
        'return placeAndRecord(placements, this.#parts);',
      ),
      instead(
        'a commit decides without a mark',
        'return this.#queue.whileMarked(repositoriesOf(members), async () => {',
        'return (async (_: unknown, task: () => Promise<void>) => task())(repositoriesOf(members), async () => {',
      ),
    ],
  },
  {
    file: 'src/storage/local/place-decided.ts',
    tests: ['test/intake/commit-batch.test.ts'],
    faults: [
      without('a batch that is placed stays decided', 'await folders.finish(id);'),
      instead(
        'readers of one repository hear of the others',
        'throw unplacedIn(repository, cause);',
        'throw cause;',
      ),
      instead(
        'an index run and a commit place a batch at the same time',
        'parts.takeTurns(batchTurn(id), () => placeDecidedBatch(id, parts)),',
        'placeDecidedBatch(id, parts),',
      ),
    ],
  },
  {
    file: 'src/intake/receive/append-piece.ts',
    tests: ['test/intake/receive/append-piece.test.ts', 'test/intake/resumable-uploads.test.ts'],
    faults: [
      without(
        'a piece is acknowledged before it is on the disk',
        'if (now < lengthBytes) await file.datasync();',
      ),
      without('a piece with a wrong digest stays', 'await file.truncate(sizeBytes);'),
      instead('no digest of a piece is compared', 'try {\n    check.demandEqual();', 'try {'),
      instead(
        'an upload takes more bytes than were said',
        'limitBytes: lengthBytes - sizeBytes,',
        'limitBytes: lengthBytes + 1,',
      ),
    ],
  },
  {
    file: 'src/intake/resumable-uploads.ts',
    tests: ['test/intake/resumable-uploads.test.ts'],
    faults: [
      instead(
        'an upload is found by others than its owner',
        'if ((await readKeptUpload(paths))?.owner !== owner) throw unknownUpload();',
        'void owner;',
      ),
      instead(
        'an expired upload goes on',
        'kept === undefined || kept.expiresAtMs <= this.#now()',
        'kept === undefined',
      ),
      instead(
        'a complete body is written to again',
        'sizeBytes < lengthBytes ? appendPiece : repeatLastByte',
        'sizeBytes <= lengthBytes ? appendPiece : repeatLastByte',
      ),
      instead(
        'requests for one upload do not wait for each other',
        'return await this.#turns.take(id, async () => {',
        'return await this.#turns.take(`${id} ${Math.random()}`, async () => {',
      ),
      instead(
        'the last byte counts before the package is accepted',
        'Math.min(sizeBytes, lengthBytes - 1)',
        'sizeBytes',
      ),
    ],
  },
  {
    file: 'src/trust/access.ts',
    tests: ['test/trust/access.test.ts'],
    faults: [
      instead(
        'an unknown key signs with zeros',
        'if (!isSigned || key === undefined) throw wrongSignature();',
        'if (!isSigned) throw wrongSignature();\n    if (key === undefined) return callers.anonymous;',
      ),
      instead('asking on behalf of a request uses its nonce up', "use === 'look'", "use !== 'look'"),
      instead(
        'a plain signature is good for more than uploads',
        "if (need.right === 'upload') return",
        "if (need.right !== 'read') return",
      ),
      instead(
        'without credentials every client may do everything',
        'keys.length === 0 && !requireCredentials',
        'keys.length === 0',
      ),
      instead(
        'a plain signature proves nothing and passes',
        'if (!equalHex(hex, await plainSignature(path, key))) throw',
        'if (hex === await plainSignature(path, key)) throw',
      ),
      instead(
        'a wrong token passes',
        'if (entry !== undefined) return entry.requester;',
        'return (entry ?? tokenEntries[0])!.requester;',
      ),
      instead(
        'any key takes a plain signature',
        'filter((key) => key.allow_plain_signature === true)',
        'filter(() => true)',
      ),
    ],
  },
  {
    file: 'src/trust/access/signed-request.ts',
    tests: ['test/trust/access.test.ts'],
    faults: [
      instead(
        'an old signature is good for ever',
        'if (offSeconds <= WINDOW_SECONDS) return',
        'if (offSeconds >= 0) return',
      ),
      instead(
        'the nonce is not signed',
        '[method, url, timestampSeconds, nonce, bodySha256]',
        '[method, url, timestampSeconds, bodySha256]',
      ),
      instead(
        'a body needs no digest',
        "if (digest === undefined && (method === 'PUT' || hasBody(headers)))",
        "if (digest === undefined && method === 'never' && hasBody(headers))",
      ),
      instead(
        'a nonce may be forgotten while its signature is good',
        'timestampSeconds + WINDOW_SECONDS + 1',
        'timestampSeconds',
      ),
    ],
  },
  {
    file: 'src/trust/rights.ts',
    tests: ['test/trust/rights.test.ts', 'test/trust/access.test.ts'],
    faults: [
      instead(
        'who may upload may not read',
        "['read', 'upload', 'delete', 'admin'] :",
        "['read', 'admin'] :",
      ),
      instead('an administrator may not upload', ": [right, 'admin'];", ': [right];'),
      instead(
        'a right in one repository is one in all',
        "selectGlobs(right).includes('*')",
        'selectGlobs(right).length > 0',
      ),
    ],
  },
  {
    file: 'src/http/hooks/guard-routes.ts',
    tests: ['test/http/hooks/guard-routes.test.ts', 'test/http/hooks/refuse-cross-site.test.ts'],
    faults: [
      without('a route is open to those without its right', 'demand(request.requester, need);'),
      instead(
        'a route need not say what it needs',
        'if (config?.needs === undefined)',
        'if (config?.needs === null as never)',
      ),
      without('a page of another site may send requests', 'refuseCrossSite(lineOf(request), publicUrl);'),
    ],
  },
  {
    file: 'src/storage/tree-lock.ts',
    tests: ['test/storage/tree-lock.test.ts'],
    faults: [
      instead('two services own one tree', "database.exec('BEGIN EXCLUSIVE');", "database.exec('BEGIN');"),
    ],
  },
  {
    file: 'src/indexing/verify/check-package-bytes.ts',
    tests: ['test/indexing/verify-repository.test.ts'],
    faults: [
      without('header digests are not compared', 'verifyHeaderDigests(bytes, rpm);'),
      instead(
        'payload digests are not compared',
        'if (wrong === undefined) return undefined;',
        'return undefined;',
      ),
      instead(
        'a receipt is not compared',
        'if (found === receipt.sha256) return undefined;',
        'if (found !== "") return undefined;',
      ),
    ],
  },
];

export const MUTATIONS: readonly Mutation[] = FILES.flatMap(({ file, tests, faults }) =>
  faults.map((fault) => ({ file, tests, ...fault })),
);
