using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Devices;

namespace LatentSync.Attention.Torch.Tests;

public sealed class CudaMemoryTests
{
    [Fact]
    public void Free_DeviceInUse_IsTheDriversAnswerAndContextsAreGivenBack()
    {
        var driver = new FakeDriver { FreeBytes = 5L << 30 };
        Assert.Equal(5L << 30, CudaMemory.Free(driver, 0, out bool isInUse));
        Assert.True(isInUse);
        Assert.Equal(["retain", "push", "ask", "pop", "release"], driver.Calls);
        Assert.Equal(5L << 30, FreeMemory.OfGpu(0, SimulatedCudaTests.Machine, driver));
    }

    [Fact]
    public void Free_DeviceNotInUse_MakesNoContext()
    {
        var driver = new FakeDriver { IsActive = false };
        Assert.Null(CudaMemory.Free(driver, 0, out bool isInUse));
        Assert.False(isInUse);
        Assert.Empty(driver.Calls);
        Assert.Equal(39L << 30, FreeMemory.OfGpu(0, SimulatedCudaTests.Machine, driver)); // as examined
        Assert.Null(FreeMemory.OfGpu(3, SimulatedCudaTests.Machine, driver));
    }

    [Theory]
    [InlineData("retain")]
    [InlineData("push")]
    [InlineData("ask")]
    public void Free_DriverRefuses_IsUnknownAndContextsAreGivenBack(string refused)
    {
        var driver = new FakeDriver { FreeBytes = 1, Refused = refused };
        Assert.Null(FreeMemory.OfGpu(0, SimulatedCudaTests.Machine, driver));
        Assert.Equal(
            driver.Calls.Count(call => call == "retain"),
            driver.Calls.Count(call => call == "release") + (refused == "retain" ? 1 : 0)
        );
        Assert.Equal(refused == "ask" ? 1 : 0, driver.Calls.Count(call => call == "pop"));
    }

    [Fact]
    public void OfDescribed_AnotherMachine_CountsWhatItHasAsFree()
    {
        Machine machine = new(
            "linux",
            new CpuInfo("a processor", 2, [], "x64"),
            24L << 30,
            [new GpuInfo("known", "8.6", 24L << 30, 7L << 30, null), new GpuInfo("total", "8.6", 16L << 30, null, null)],
            null,
            null
        );
        Assert.Equal(24L << 30, FreeMemory.OfDescribed(AttentionDevice.Cpu, machine));
        Assert.Equal(7L << 30, FreeMemory.OfDescribed(AttentionDevice.Cuda(0), machine));
        Assert.Equal(16L << 30, FreeMemory.OfDescribed(AttentionDevice.Cuda(1), machine));
        Assert.Null(FreeMemory.OfDescribed(AttentionDevice.Cuda(2), machine));
        Assert.Null(FreeMemory.OfDescribed(new AttentionDevice(AttentionDeviceKind.Mps, 0), machine));
        Assert.Null(FreeMemory.OfDescribed(AttentionDevice.Cpu, machine with { MemoryBytes = 0 }));
    }

    private sealed class FakeDriver : ICudaDriver
    {
        public bool IsActive { get; init; } = true;

        public long FreeBytes { get; init; }

        public string? Refused { get; init; }

        public List<string> Calls { get; } = [];

        public bool TryGetDevice(int index, out int device)
        {
            device = index;
            return index < 2;
        }

        public bool TryGetPrimaryContextState(int device, out bool isActive)
        {
            isActive = IsActive;
            return true;
        }

        public bool TryRetainPrimaryContext(int device, out nint context)
        {
            context = 1;
            return Note("retain");
        }

        public void ReleasePrimaryContext(int device) => Note("release");

        public bool TryPushContext(nint context) => Note("push");

        public void PopContext() => Note("pop");

        public bool TryGetFreeBytes(out long freeBytes)
        {
            freeBytes = FreeBytes;
            return Note("ask");
        }

        private bool Note(string call)
        {
            Calls.Add(call);
            return call != Refused;
        }
    }
}
