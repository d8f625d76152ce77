// Counts what runs of the fuzzed folders: `node --import` this file, and every module of theirs counts its statements,
// branches and functions in `globalThis.__coverage__`. Plain JavaScript because it runs before anything else.
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';
import { createInstrumenter } from 'istanbul-lib-instrument';

const FUZZED = /\/src\/(?:rpm-parser|repodata|unpack)\/[^/]+\.ts$/;

const instrumenter = createInstrumenter({ esModules: true, compact: false });

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const { format, source } = loaded;
    if (format !== 'module-typescript' || source === undefined || !FUZZED.test(url)) return loaded;
    const code = stripTypeScriptTypes(typeof source === 'string' ? source : new TextDecoder().decode(source));
    return { ...loaded, format: 'module', source: instrumenter.instrumentSync(code, fileURLToPath(url)) };
  },
});
