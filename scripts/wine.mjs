// Runs the unit and local tests with Node for Windows, in Wine on Linux, then the built action there, with a directory store
// and a real gateway (test/wine). Ends with the line `N passed, N failed, N skipped`, and lists each skipped test with the
// reason. Needs root and Debian.

import * as fs from 'node:fs/promises';
import path from 'node:path';
import { gateway, shareGateway } from '../test/support/gateway/shared-gateway.ts';
import { startMachine, WineUnavailableError } from '../test/support/wine/machine.ts';
import { collectRows, windowsPage } from '../test/wine/table.ts';
import { ensureDist } from './build.mjs';
import { fail, scriptArguments } from './project.mjs';
import { countTests, listSkipped, sum } from './test-report.mjs';
import { readReport, runVitest, vitestCommand } from './vitest.mjs';

const USAGE = `npm run test:wine -- [OPTIONS] [ARGUMENTS OF VITEST]
  --tests           only the unit and local tests
  --action          only the built action
  --markdown FILE   write the results of the action, as in docs/results/windows.md`;

const { only, markdown, vitestArgs } = readArguments(scriptArguments(USAGE));
await ensureDist();
const machine = await startMachine().catch(error =>
  error instanceof WineUnavailableError ? fail(`Nothing was run: ${error.message}.`) : Promise.reject(error),
);
const reports = [];
let gatewayOfRun;
try {
  if (only !== '--action')
    reports.push(await onWindows(['--project', 'unit', '--project', 'local'], vitestArgs));
  if (only !== '--tests') reports.push(...(await runAction()));
} finally {
  await gatewayOfRun?.stop();
  await machine.close();
}
listSkipped(reports);
console.log(sentence(reports));
const counts = sum(reports.map(countTests));
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0;

function sentence(all) {
  const { passed, failed, skipped } = sum(all.map(countTests));
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function readArguments(args) {
  const take = name => {
    const index = args.indexOf(name);
    return index < 0 ? undefined : args.splice(index, 2)[1];
  };
  const markdown = take('--markdown');
  const only = args.find(argument => ['--tests', '--action'].includes(argument));
  return { only, markdown, vitestArgs: args.filter(argument => argument !== only) };
}

/** Runs the tests of the action: some on Linux, those on Windows, and again some on Linux. Returns vitest's reports. */
async function runAction() {
  gatewayOfRun = await shareGateway();
  const drive = path.join(machine.directory, 'd');
  await fs.rm(path.join(drive, 'stores'), { recursive: true, force: true });
  const config = ['--config', 'vitest.wine.config.ts'];
  const before = await onLinux([...config, 'test/wine/linux/before'], drive);
  for (const name of ['stores', 'jobs']) {
    await fs.mkdir(path.join(drive, name), { recursive: true });
    await machine.giveToUser(path.join(drive, name));
  }
  const windows = await onWindows([...config, 'test/wine/windows'], vitestArgs, await windowsGateway(drive));
  const after = await onLinux([...config, 'test/wine/linux/after'], drive);
  const all = [before, windows, after];
  if (markdown !== undefined) await fs.writeFile(markdown, windowsPage(collectRows(all), sentence(all)));
  return all;
}

/** Returns the variables that give the gateway to tests on Windows, where its certificate is on D:. */
async function windowsGateway(drive) {
  if (gatewayOfRun === undefined) return gatewayVariables();
  await fs.copyFile(gateway().caFile, path.join(drive, 'ca.pem'));
  return Object.fromEntries(
    Object.entries(gatewayVariables()).map(([name, value]) => [
      name,
      value.replaceAll(JSON.stringify(gateway().caFile), JSON.stringify('D:\\ca.pem')),
    ]),
  );
}

function gatewayVariables() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name.startsWith('CACHE_S3_TEST_')),
  );
}

async function onWindows(args, further, env = {}) {
  const report = path.join(machine.directory, 'd/report.json');
  await fs.rm(report, { force: true });
  const command = vitestCommand('node_modules/vitest/vitest.mjs', 'D:/report.json', [...args, ...further]);
  const exit = await machine.runNode(command, env, text => process.stdout.write(text));
  return readReport(report, exit);
}

function onLinux(args, drive) {
  return runVitest(args, { CACHE_S3_TEST_DRIVE: drive });
}
