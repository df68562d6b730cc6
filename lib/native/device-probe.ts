/** What a library tells of its devices without opening one of them. */
export interface NativeDeviceProbe {
  /** As NativeModelInfo.device. */
  kind: string
  /** 1000 * major + 10 * minor, of the newest CUDA that the driver serves, and of what the library was built with; 0: none. */
  driverVersion: number
  runtimeVersion: number
  /** Why there are no devices, or none can be used. */
  problem?: NativeProblem
  devices: NativeProbedDevice[]
}

export interface NativeProbedDevice {
  index: number
  name: string
  /** Of the code that would run; '': there is none for it. */
  isa: string
  capabilityMajor: number
  capabilityMinor: number
  multiprocessors: number
  memoryBytes: number
  /** Why it cannot be used. */
  problem?: NativeProblem
}

export interface NativeProblem {
  code: string
  message: string
}
