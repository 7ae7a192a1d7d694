import { expect, test } from 'vitest';
import { Circuit } from '../../../../src/storage/s3/calls/circuit.ts';
import { StoreUnavailableError } from '../../../../src/storage/store-errors.ts';

test('a closed circuit refuses no call, and grants no last one', () => {
  const circuit = new Circuit();
  expect(() => circuit.refuseWhenOpen('GetObject')).not.toThrow();
  expect(circuit.takeLastCall()).toBe(false);
});

test('an open circuit refuses calls with its first failure', () => {
  const circuit = new Circuit();
  circuit.open(new Error('connection refused'));
  circuit.open(new Error('another'));
  const refuse = () => circuit.refuseWhenOpen('GetObject');
  expect(refuse).toThrow(StoreUnavailableError);
  expect(refuse).toThrow('connection refused; GetObject was not sent');
});

test('an open circuit grants one last call', () => {
  const circuit = new Circuit();
  circuit.open(new Error('x'));
  expect([circuit.takeLastCall(), circuit.takeLastCall()]).toEqual([true, false]);
});
