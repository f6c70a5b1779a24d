namespace ChainOfSpot.Runtime.Devices;

/// <summary>What a device can do at most, measured.</summary>
/// <param name="MultiplyAddsPerSecond">fp32 operations a second of independent multiply-adds in registers, all threads; a multiply-add is two.</param>
/// <param name="ReadBytesPerSecond">Bytes a second of reading memory once and in order, all threads.</param>
public sealed record DeviceCeilings(double MultiplyAddsPerSecond, double ReadBytesPerSecond);
