using System.Globalization;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Loading;
using LatentSync.Platform.Machines;

namespace LatentSync.Doctor;

/// <summary>The checks that load native libraries.</summary>
internal static class NativeChecks
{
    /// <summary>Loads libtorch; gives what was found, or the check that says why not.</summary>
    public static (TorchFinding? Found, DoctorCheck Check) LibTorch(DoctorOptions options)
    {
        TorchFinding found;
        try
        {
            found = options.TryTorch(options.LibTorch);
        }
        catch (NativeLoadException failure)
        {
            NativeLoadFailure cause = failure.Failure;
            var error = DoctorCheck.Error("libtorch", $"{cause.Code} {cause.File} cannot be loaded: found {cause.Found}; required {cause.Required}.", cause.Remedy);
            return (null, error with { Details = Lines(failure.Trace) });
        }
        catch (Exception failure) when (failure is TypeInitializationException or DllNotFoundException or EntryPointNotFoundException or System.Runtime.InteropServices.ExternalException)
        {
            string message = failure.GetBaseException().Message.ReplaceLineEndings(" ");
            return (null, DoctorCheck.Error("libtorch", $"libtorch was loaded, but TorchSharp cannot use it: {message}", "use the libtorch version that TorchSharp was built against"));
        }
        return (found, Computed(found) with { Details = Lines(found.Load.Trace) });
    }

    /// <summary>What was done about the C++ library.</summary>
    public static DoctorCheck LibStdCxx(MachineExamination machine, TorchFinding? torch)
    {
        if (machine.Probe("libstdcxx") is { Succeeded: false } failed)
        {
            return DoctorCheck.Warning("libstdcxx", $"The C++ library is {failed.Detail}.", "none needed when libtorch loads");
        }
        if (machine.LibStdCxx is not { } cxx)
        {
            return DoctorCheck.Ok("libstdcxx", "not used on this system");
        }
        string text = $"{cxx.NewestVersion} ({cxx.Path})";
        if (torch is not { Load: { Repaired: true } load })
        {
            return DoctorCheck.Ok("libstdcxx", text);
        }
        string where = load.CacheFile is { } file ? $"the repaired copy is {file}" : "the repaired copy was not kept, since no cache folder can be written";
        return DoctorCheck.Ok("libstdcxx", $"{text}; TorchSharp's bridge asks for {SymbolVersion} in vain and was repaired ({where})");
    }

    /// <summary>Loads the native part of a package.</summary>
    /// <param name="options">Gives the way to load.</param>
    /// <param name="name">The check's name.</param>
    /// <param name="library">The library's name.</param>
    /// <param name="isNeeded">Without it the main job cannot run.</param>
    /// <param name="uses">What it is for, as a clause.</param>
    public static DoctorCheck Library(DoctorOptions options, string name, string library, bool isNeeded, string uses)
    {
        if (options.TryNative(library) is not { } failure)
        {
            return DoctorCheck.Ok(name, $"{library} loads");
        }
        string message = $"{failure.Code} {failure.File} cannot be loaded: found {failure.Found}; required {failure.Required} ({uses}).";
        return isNeeded ? DoctorCheck.Error(name, message, failure.Remedy) : DoctorCheck.Warning(name, message, failure.Remedy);
    }

    private const string SymbolVersion = "GLIBCXX_3.4.32";

    private static DoctorCheck Computed(TorchFinding found)
    {
        LibTorchLoad load = found.Load;
        string name = $"libtorch {load.Version ?? "of unknown version"} ({load.Flavor}) in {load.Folder}";
        if (found.LargestError != 0)
        {
            string error = found.LargestError.ToString("g3", CultureInfo.InvariantCulture);
            return DoctorCheck.Error("libtorch", $"{name} loads but computes wrongly: a product of small whole numbers is off by {error}.", "replace this libtorch; check the machine's memory if another one fails too");
        }
        string text = $"{name}: loads and multiplies correctly";
        return load.Warnings.Count == 0
            ? DoctorCheck.Ok("libtorch", text)
            : DoctorCheck.Warning("libtorch", $"{text}. {string.Join(" ", load.Warnings)}", "give the libtorch that TorchSharp was built against if something fails");
    }

    private static string[] Lines(IReadOnlyList<LoadStep> trace) => trace.Select(step => step.ToString()).ToArray();
}
