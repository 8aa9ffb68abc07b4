export { stepZones } from './step-zones.ts';
export { type ByZone, flowFrom, localPart } from './zone-flow.ts';
export { capacityOf, type ZoneBalance, type ZoneState } from './zone-state.ts';
