// npm run faults:long -- [--minutes N] [--engine incremental|createrepo]
import { parseArgs } from 'node:util';
import { ENGINES } from '../support/with-engine.ts';
import { uploadConstantly } from './constant-uploads.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    engine: { type: 'string', default: 'incremental' },
  },
});
const engine = ENGINES.find((name) => name === values.engine);
if (engine === undefined) throw new Error(`there is no engine ${values.engine}`);
const { faults, lost, ...counts } = await uploadConstantly(engine, Number(values.minutes) * 60_000);
process.stdout.write(`${JSON.stringify({ engine, minutes: values.minutes, ...counts })}\n`);
process.stdout.write(`${faults.length} faults, ${lost.length} lost\n`);
for (const fault of faults) process.stdout.write(`${fault}\n`);
process.exitCode = faults.length + lost.length === 0 ? 0 : 1;
