import { restore } from './restore.ts';
import { save } from './save.ts';
import { readSettings } from './settings.ts';

const settings = readSettings(process.env);
const op = process.argv[2];
if (op === 'save') {
  console.log(`reference: op=save result=saved bytes=${await save(settings)}`);
} else if (op === 'restore') {
  const bytes = await restore(settings);
  console.log(`reference: op=restore result=${bytes === undefined ? 'miss' : 'hit'} bytes=${bytes ?? 0}`);
} else {
  throw new Error(`The first argument is '${op}', but it has to be save or restore.`);
}
// As actions/cache does: idle connections would keep the process for seconds
process.exit(0);
