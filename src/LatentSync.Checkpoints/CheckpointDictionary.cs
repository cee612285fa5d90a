using System.Collections;

namespace LatentSync.Checkpoints;

/// <summary>A Python dictionary to be written by <see cref="TorchCheckpointWriter"/>: text keys; tensors, numbers, text and further
/// dictionaries as values.</summary>
/// <example><code>new CheckpointDictionary { { "state_dict", weights }, { "global_step", 0 } }</code></example>
public sealed class CheckpointDictionary : IEnumerable<KeyValuePair<string, object>>
{
    private readonly List<KeyValuePair<string, object>> _items = [];
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);

    /// <summary>Number of entries.</summary>
    public int Count => _items.Count;

    /// <summary>Adds a tensor.</summary>
    /// <param name="key">Key, not yet present.</param>
    /// <param name="tensor">The tensor.</param>
    /// <exception cref="ArgumentException">The key is present.</exception>
    public void Add(string key, TensorPayload tensor) => AddItem(key, tensor);

    /// <summary>Adds a dictionary inside this one.</summary>
    /// <param name="key">Key, not yet present.</param>
    /// <param name="dictionary">The inner dictionary.</param>
    /// <exception cref="ArgumentException">The key is present.</exception>
    public void Add(string key, CheckpointDictionary dictionary) => AddItem(key, dictionary);

    /// <summary>Adds an int.</summary>
    /// <param name="key">Key, not yet present.</param>
    /// <param name="value">Value.</param>
    /// <exception cref="ArgumentException">The key is present.</exception>
    public void Add(string key, long value) => AddItem(key, value);

    /// <summary>Adds a float.</summary>
    /// <param name="key">Key, not yet present.</param>
    /// <param name="value">Value.</param>
    /// <exception cref="ArgumentException">The key is present.</exception>
    public void Add(string key, double value) => AddItem(key, value);

    /// <summary>Adds a bool.</summary>
    /// <param name="key">Key, not yet present.</param>
    /// <param name="value">Value.</param>
    /// <exception cref="ArgumentException">The key is present.</exception>
    public void Add(string key, bool value) => AddItem(key, value);

    /// <summary>Adds text.</summary>
    /// <param name="key">Key, not yet present.</param>
    /// <param name="value">Value; no lone surrogates.</param>
    /// <exception cref="ArgumentException">The key is present.</exception>
    public void Add(string key, string value) => AddItem(key, value);

    /// <summary>Adds a list of floats, such as a loss curve.</summary>
    /// <param name="key">Key, not yet present.</param>
    /// <param name="values">Values.</param>
    /// <exception cref="ArgumentException">The key is present.</exception>
    public void Add(string key, IReadOnlyList<double> values) => AddItem(key, values);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object>> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void AddItem(string key, object value)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(value);
        if (!_keys.Add(key))
        {
            throw new ArgumentException($"The dictionary has the key \"{key}\" already.", nameof(key));
        }
        _items.Add(new(key, value));
    }
}
