using LatentSync.Attention.Torch;

TorchRuntime.EnsureLoaded();
